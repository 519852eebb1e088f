// y = (1 + scale) (x - mean) / sqrt(var + eps) + shift: every map brought to mean 0 and variance 1, then styled.
//
//   PASS   0: mean and spread of each part of a map, into `parts`   1: from `parts` to y   2: maps of a single part, both
//   LANES  channels side by side: 1 where neighbours in memory are pixels, more where they are channels
//   NT     threads in a block; a thread keeps to one channel, NT / LANES of them share its pixels
//
// Means of parts are subtracted before anything is squared, so that a large mean does not drown a small variance
// (Chan, Golub, LeVeque 1983).

struct Params {
    const T* x;
    T* y;
    const float* scale;  // [N C]
    const float* shift;  // [N C]
    float* parts;        // [2, parts, N C]: mean, and sum of squared distances from it
    long long xs[3], ys[3];  // strides in elements: N, C, pixel
    int N, C, pixels, span, count;  // `count` parts of `span` pixels, the last one shorter
    float eps;
};

constexpr int ROWS = NT / LANES;

// The sum over the rows of a lane, in all of its threads.
__device__ __forceinline__ float lane_sum(float* room, float v) {
    const int lane = threadIdx.x % LANES, row = threadIdx.x / LANES;
    room[threadIdx.x] = v;
    __syncthreads();
#pragma unroll
    for (int half = ROWS / 2; half > 0; half /= 2) {
        if (row < half) room[threadIdx.x] += room[threadIdx.x + half * LANES];
        __syncthreads();
    }
    const float sum = room[lane];
    __syncthreads();
    return sum;
}

__device__ __forceinline__ int part_size(const Params& p, int part) {
    const int left = p.pixels - part * p.span;
    return left < p.span ? left : p.span;
}

extern "C" __global__ void __launch_bounds__(NT) KERNEL(const Params p) {
    __shared__ float room[NT];
    const int lane = threadIdx.x % LANES, row = threadIdx.x / LANES, part = blockIdx.y;
    const int groups = cdiv(p.C, LANES), n = blockIdx.x / groups, c = blockIdx.x % groups * LANES + lane;
    const bool in = c < p.C;
    const int size = part_size(p, part), first = part * p.span, plane = n * p.C + c, planes = p.N * p.C;
    const T* x = p.x + n * p.xs[0] + c * p.xs[1] + first * p.xs[2];
    float mean = 0.f, spread = 0.f;
    if (PASS != 1) {
        for (int i = row; i < size && in; i += ROWS) mean += to_float(x[i * p.xs[2]]);
        mean = lane_sum(room, mean) / size;
        for (int i = row; i < size && in; i += ROWS) {
            const float d = to_float(x[i * p.xs[2]]) - mean;
            spread += d * d;
        }
        spread = lane_sum(room, spread);
    }
    if (PASS == 0 && in && row == 0) {
        p.parts[part * planes + plane] = mean;
        p.parts[(p.count + part) * planes + plane] = spread;
    }
    if (PASS == 1) {
        for (int i = row; i < p.count && in; i += ROWS) mean += p.parts[i * planes + plane] * part_size(p, i);
        mean = lane_sum(room, mean) / p.pixels;
        for (int i = row; i < p.count && in; i += ROWS) {
            const float d = p.parts[i * planes + plane] - mean;
            spread += p.parts[(p.count + i) * planes + plane] + d * d * part_size(p, i);
        }
        spread = lane_sum(room, spread);
    }
    if (PASS == 0 || !in) return;
    const float factor = (1.f + p.scale[plane]) / sqrtf(spread / p.pixels + p.eps), shift = p.shift[plane];
    T* y = p.y + n * p.ys[0] + c * p.ys[1] + first * p.ys[2];
    for (int i = row; i < size; i += ROWS) store(y + i * p.ys[2], (to_float(x[i * p.xs[2]]) - mean) * factor + shift);
}
