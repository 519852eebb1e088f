// y = FIR_down(act(FIR_up(pad(x scale + bias)))), and its relatives, in one pass over memory (Karras et al. 2021, 3.2).
//
// Everything that shapes a loop is a constant, so that all loops unroll and taps come from the parameters' constant bank:
//   UP DOWN   resampling factors               FU FD     taps of the filters
//   RANK      separable terms of the down filter         PHX PHY   place in [0, UP) of the first upsample needed
//   TW TH     tile of the output               NT        threads in a block
//   POST      0: scale, bias before the filters and the activation between them (filtered leaky ReLU)
//             1: scale, noise, bias and activation after the filters (StyleGAN2's layer that upsamples)
//
// A block:  global -> sx --horizontal up--> su --column stream--> sd --horizontal down--> su -> global
// The column stream keeps the upsampled signal in registers: every thread walks down one column, makes upsamples,
// activates them and adds them to the outputs of the vertical down filter. The upsampled picture is never in memory.

struct Params {
    const T* x;
    T* y;
    const float* scale;  // [N C] or null
    const float* bias;   // [C] or null
    const float* noise;  // [N or 1, OH, OW] or null
    long long xs[4], ys[4], noise_step;  // strides in elements: N, C, H, W
    int C, H, W, OH, OW, padx, pady, planes, planes_first;
    Activation act;
    float ux[FU], uy[FU], dx[RANK][FD], dy[RANK][FD];
};

constexpr int UW = PHX + (TW - 1) * DOWN + FD, UH = PHY + (TH - 1) * DOWN + FD;  // upsamples needed
constexpr int GX = cdiv(UW, UP), GY = cdiv(UH, UP);                              // groups of UP upsamples
constexpr int SPAN = UP > 1 ? cdiv(FU, UP) + 1 : FU;                             // inputs that a group reads
constexpr int IW = GX + SPAN - 1, IH = GY + SPAN - 1;                            // inputs needed
constexpr int PX = odd(IW), PU = odd(GX * UP), PY = odd(TW);                     // odd pitches: no bank conflicts
constexpr int GB = 4;                                                            // groups or outputs for a thread
constexpr int WIN = (GB - 1) * DOWN + FD;

// Upsample R of a group: the taps that fall on samples, not on the zeros between them.
template <int R> __device__ __forceinline__ float upsample(const float* taps, const float* win) {
    constexpr int first = (UP - R) % UP, at = R > 0 ? 1 : 0;
    float sum = 0.f;
#pragma unroll
    for (int m = 0; first + m * UP < FU; m++) sum += taps[first + m * UP] * win[at + m];
    return sum;
}
template <int R> struct Group {
    static __device__ __forceinline__ void run(const float* taps, const float* win, float* out) {
        Group<R - 1>::run(taps, win, out);
        out[R - 1] = upsample<R - 1>(taps, win);
    }
};
template <> struct Group<0> {
    static __device__ __forceinline__ void run(const float*, const float*, float*) {}
};

__device__ __forceinline__ void load_tile(const Params& p, float* sx, int plane, int ix0, int iy0) {
    const int n = plane / p.C, c = plane % p.C;
    const T* x = p.x + n * p.xs[0] + c * p.xs[1];
    const float scale = !POST && p.scale ? p.scale[plane] : 1.f, bias = !POST && p.bias ? p.bias[c] : 0.f;
    for (int i = threadIdx.x; i < IH * IW; i += NT) {
        const int r = i / IW, q = i % IW, y = iy0 + r, xq = ix0 + q;
        const bool in = (unsigned)y < (unsigned)p.H && (unsigned)xq < (unsigned)p.W;
        sx[r * PX + q] = in ? to_float(x[y * p.xs[2] + xq * p.xs[3]]) * scale + bias : 0.f;
    }
}

// A thread takes GB groups of one row.
__device__ __forceinline__ void horizontal_up(const Params& p, const float* sx, float* su) {
    for (int i = threadIdx.x; i < IH * cdiv(GX, GB); i += NT) {
        const int r = i % IH, g0 = i / IH * GB;
        float win[GB + SPAN - 1];
#pragma unroll
        for (int k = 0; k < GB + SPAN - 1; k++) win[k] = g0 + k < IW ? sx[r * PX + g0 + k] : 0.f;
#pragma unroll
        for (int g = 0; g < GB; g++) {
            float out[UP];
            Group<UP>::run(p.ux, win + g, out);
            if (g0 + g >= GX) continue;
#pragma unroll
            for (int k = 0; k < UP; k++) su[r * PU + (g0 + g) * UP + k] = out[k];
        }
    }
}

// A thread takes a column: vertical up, activation, vertical down, all of it in registers.
__device__ __forceinline__ void column_stream(const Params& p, const float* su, float* sd) {
    for (int c = threadIdx.x; c < UW; c += NT) {
        float win[SPAN], sum[RANK][TH];
#pragma unroll
        for (int k = 0; k < SPAN - 1; k++) win[k + 1] = su[k * PU + c];
#pragma unroll
        for (int g = 0; g < GY; g++) {
#pragma unroll
            for (int k = 0; k < SPAN - 1; k++) win[k] = win[k + 1];
            win[SPAN - 1] = su[(g + SPAN - 1) * PU + c];
            float out[UP];
            Group<UP>::run(p.uy, win, out);
#pragma unroll
            for (int k = 0; k < UP; k++) {
                const int j = g * UP + k - PHY;  // upsample, counted from the tile's first one
                if (j < 0 || j >= UH - PHY) continue;
                const float v = POST ? out[k] : activate(p.act, out[k]);
#pragma unroll
                for (int o = 0; o < TH; o++) {
                    const int t = j - o * DOWN;
                    if (t < 0 || t >= FD) continue;
#pragma unroll
                    for (int q = 0; q < RANK; q++) {
                        sum[q][o] = t == 0 ? p.dy[q][0] * v : sum[q][o] + p.dy[q][t] * v;
                        if (t == FD - 1) sd[(q * TH + o) * PU + c] = sum[q][o];
                    }
                }
            }
        }
    }
}

// A thread takes GB outputs of one row; they wait in `sy` for a store in order.
__device__ __forceinline__ void horizontal_down(const Params& p, const float* sd, float* sy) {
    for (int i = threadIdx.x; i < TH * (TW / GB); i += NT) {
        const int r = i % TH, c0 = i / TH * GB;
        float out[GB];
#pragma unroll
        for (int g = 0; g < GB; g++) out[g] = 0.f;
#pragma unroll
        for (int q = 0; q < RANK; q++) {
            const float* row = sd + (q * TH + r) * PU + PHX + c0 * DOWN;
            float win[WIN];
#pragma unroll
            for (int k = 0; k < WIN; k++) win[k] = row[k];
#pragma unroll
            for (int g = 0; g < GB; g++)
#pragma unroll
                for (int t = 0; t < FD; t++) out[g] += p.dx[q][t] * win[g * DOWN + t];
        }
#pragma unroll
        for (int g = 0; g < GB; g++) sy[r * PY + c0 + g] = out[g];
    }
}

__device__ __forceinline__ void store_tile(const Params& p, const float* sy, int plane, int ox0, int oy0) {
    const int n = plane / p.C, c = plane % p.C;
    T* y = p.y + n * p.ys[0] + c * p.ys[1];
    const float scale = POST && p.scale ? p.scale[plane] : 1.f, bias = POST && p.bias ? p.bias[c] : 0.f;
    const float* noise = POST && p.noise ? p.noise + n * p.noise_step : nullptr;
    for (int i = threadIdx.x; i < TH * TW; i += NT) {
        const int r = i / TW, q = i % TW, oy = oy0 + r, ox = ox0 + q;
        if (oy >= p.OH || ox >= p.OW) continue;
        float v = sy[r * PY + q];
        if (POST) v = activate(p.act, v * scale + (noise ? noise[oy * p.OW + ox] : 0.f) + bias);
        store(y + oy * p.ys[2] + ox * p.ys[3], v);
    }
}

// Without a second bound ptxas spills on sm_80, to fit more blocks than help.
extern "C" __global__ void __launch_bounds__(NT, 2) KERNEL(const Params p) {
    __shared__ float sxd[larger(IH * PX, RANK * TH * PU)];  // sx, then sd
    __shared__ float suy[larger(IH * PU, TH * PY)];         // su, then the outputs
    const int tx = p.planes_first ? blockIdx.y : blockIdx.x, ty = p.planes_first ? blockIdx.z : blockIdx.y;
    const int first = p.planes_first ? blockIdx.x : blockIdx.z, step = p.planes_first ? gridDim.x : gridDim.z;
    const int ox0 = tx * TW, oy0 = ty * TH;
    const int ix0 = (ox0 * DOWN - PHX - p.padx) / UP, iy0 = (oy0 * DOWN - PHY - p.pady) / UP;  // exact
    for (int plane = first; plane < p.planes; plane += step) {
        load_tile(p, sxd, plane, ix0, iy0);
        __syncthreads();
        horizontal_up(p, sxd, suy);
        __syncthreads();
        column_stream(p, suy, sxd);
        __syncthreads();
        horizontal_down(p, sxd, suy);
        __syncthreads();
        store_tile(p, suy, plane, ox0, oy0);
    }
}
