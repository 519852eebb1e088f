// Lets a kernel be compiled for the CPU. The text of the kernel follows this header unchanged.
#include <cmath>
#include <cstdint>
#include <cstring>
#define HOST_TWIN
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("cuda_shared")))

struct Dim3 { unsigned x, y, z; };
struct Machine { Dim3 thread, block, blocks, threads; void (*barrier)(); };
static Machine* machine;
#define threadIdx (machine->thread)
#define blockIdx (machine->block)
#define gridDim (machine->blocks)
#define blockDim (machine->threads)
static inline void __syncthreads() { machine->barrier(); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }

typedef uint16_t half_t;
static inline float to_float(half_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 1023;
    uint32_t u;
    float f;
    if (e == 31) u = sign | 0x7f800000 | m << 13;
    else if (e) u = sign | (e + 112) << 23 | m << 13;
    else { f = std::ldexp((float)m, -24); std::memcpy(&u, &f, 4); u |= sign; }
    std::memcpy(&f, &u, 4);
    return f;
}
static inline half_t to_half(float f) {  // to nearest, ties to even
    uint32_t u;
    std::memcpy(&u, &f, 4);
    const uint32_t sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) return sign | 0x7e00;
    if (a >= 0x477ff000) return sign | 0x7c00;
    if (a < 0x38800000) { float g; std::memcpy(&g, &a, 4); return sign | (half_t)std::nearbyint(std::ldexp(g, 24)); }
    const uint32_t r = a - 0x38000000;
    return sign | (half_t)((r + 0xfff + (r >> 13 & 1)) >> 13);
}
static inline float to_float(float v) { return v; }
static inline void store(float* p, float v) { *p = v; }
static inline void store(half_t* p, float v) { *p = to_half(v); }
