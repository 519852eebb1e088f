// Shared by all kernels, on the GPU and in the host twin alike.
__device__ constexpr int cdiv(int a, int b) { return (a + b - 1) / b; }
__device__ constexpr int larger(int a, int b) { return a > b ? a : b; }
__device__ constexpr int odd(int a) { return a | 1; }

struct Activation {
    float gain, slope, clamp;  // clamp is infinite where there is none
};

// y = clamp(gain lrelu(v)). Comparisons, not fminf and fmaxf: those swallow a NaN that torch lets through.
__device__ __forceinline__ float activate(const Activation& a, float v) {
    v = (v < 0.f ? v * a.slope : v) * a.gain;
    v = v > a.clamp ? a.clamp : v;
    return v < -a.clamp ? -a.clamp : v;
}
