// y = clamp(gain lrelu(x scale + noise + bias)): what follows a convolution, in one pass; y may be x itself.
//
//   CHANNELS_LAST  0: neighbours in memory are pixels of one map   1: they are channels of one pixel
//   VEC            elements that a thread moves at once (their addresses are multiples of VEC)
//   NT             threads in a block

struct Params {
    const T* x;
    T* y;
    const float* scale;  // [N C] or null
    const float* bias;   // [C] or null
    const float* noise;  // [N or 1, pixels] or null
    long long xs[3], ys[3], noise_step;  // strides in elements: N, C, pixel
    int C, pixels, rows, width;          // rows x width elements; a row is a map, or a pixel of a sample
    Activation act;
};

struct alignas(sizeof(T) * VEC) Pack {
    T v[VEC];
};

__device__ __forceinline__ float finish(const Params& p, float v, int n, int c, int pixel) {
    if (p.scale) v *= p.scale[n * p.C + c];
    if (p.noise) v += p.noise[n * p.noise_step + pixel];
    if (p.bias) v += p.bias[c];
    return activate(p.act, v);
}

extern "C" __global__ void __launch_bounds__(NT) KERNEL(const Params p) {
    const long long elements = (long long)p.rows * p.width;
    const long long step = (long long)gridDim.x * NT * VEC;
    for (long long i = ((long long)blockIdx.x * NT + threadIdx.x) * VEC; i < elements; i += step) {
        const int row = (int)(i / p.width), q = (int)(i % p.width);
        const int n = CHANNELS_LAST ? row / p.pixels : row / p.C;
        const int c = CHANNELS_LAST ? q : row % p.C, pixel = CHANNELS_LAST ? row % p.pixels : q;
        const long long from = n * p.xs[0] + c * p.xs[1] + pixel * p.xs[2];
        const long long to = n * p.ys[0] + c * p.ys[1] + pixel * p.ys[2];
        Pack in = *reinterpret_cast<const Pack*>(p.x + from), out;
#pragma unroll
        for (int k = 0; k < VEC; k++)
            store(&out.v[k], finish(p, to_float(in.v[k]), n, CHANNELS_LAST ? c + k : c, CHANNELS_LAST ? pixel : pixel + k));
        *reinterpret_cast<Pack*>(p.y + to) = out;
    }
}
