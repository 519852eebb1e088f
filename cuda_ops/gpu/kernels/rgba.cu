// One picture [C, H, W] in -1..1, any strides, to RGBA bytes: clamp(127.5 x + 128, 0, 255) truncated, NaN is 0.
// A thread writes one pixel as four bytes at once.  NT: threads in a block

struct Params {
    const T* x;
    unsigned* out;           // [H, W] pixels
    long long sc, sh, sw;    // strides in elements; sc 0 shows one channel as grey
    int H, W;
};

extern "C" __global__ void __launch_bounds__(NT) KERNEL(const Params p) {
    const int i = blockIdx.x * NT + threadIdx.x;
    if (i >= p.H * p.W) return;
    const int y = i / p.W, x = i % p.W;
    unsigned pixel = 0xff000000u;
#pragma unroll
    for (int c = 0; c < 3; c++) {
        float v = to_float(p.x[c * p.sc + y * p.sh + x * p.sw]);
        v = __fadd_rn(__fmul_rn(v, 127.5f), 128.f);  // rounded twice, as torch does: a fused one differs at whole numbers
        v = v > 255.f ? 255.f : (v > 0.f ? v : 0.f);
        pixel |= (unsigned)(int)v << (8 * c);
    }
    p.out[i] = pixel;
}
