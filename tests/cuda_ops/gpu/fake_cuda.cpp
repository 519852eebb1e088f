// A driver for machines without a GPU. An "image" is the path of a host twin; a launch runs it, block after block, one
// fiber for each thread. __syncthreads() switches fibers; the order in which threads run between two barriers is
// chosen by fake_order: 0 forward, 1 reverse, more: shuffled with that seed.
#include <ucontext.h>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <string>
#include <vector>

struct Dim3 { unsigned x, y, z; };
struct Machine { Dim3 thread, block, blocks, threads; void (*barrier)(); };
struct Twin { int (*begin)(Machine*, const void*); void (*thread)(); void (*poison)(); void* handle; };
struct Fiber { ucontext_t context; std::vector<char> stack; bool done; };

static Machine machine;
static std::vector<Fiber> fibers;
static ucontext_t scheduler;
static unsigned current, order;
static Twin* running;
static std::string calls;
static int refuse_gl, fail_launch;

enum { OK = 0, INVALID_VALUE = 1, INVALID_IMAGE = 200, INVALID_CONTEXT = 201, NOT_FOUND = 500, OS_ERROR = 304,
       INVALID_HANDLE = 400, LAUNCH_FAILED = 719 };

static void entry() {
    running->thread();
    fibers[current].done = true;
    swapcontext(&fibers[current].context, &scheduler);
}
static void barrier() {
    const unsigned me = current;
    swapcontext(&fibers[me].context, &scheduler);
    machine.thread.x = me;
}
static void start(Fiber& f) {
    f.done = false;
    f.stack.resize(1 << 16);
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    f.context.uc_link = nullptr;
    makecontext(&f.context, entry, 0);
}
// Whether all threads of a block came to every barrier together.
static bool run_block(std::vector<unsigned>& sequence, std::mt19937& random) {
    running->poison();
    for (auto& f : fibers) start(f);
    for (;;) {
        if (order > 1) std::shuffle(sequence.begin(), sequence.end(), random);
        unsigned alive = 0;
        for (unsigned t : sequence) {
            if (fibers[t].done) continue;
            current = machine.thread.x = t;
            swapcontext(&scheduler, &fibers[t].context);
            alive += !fibers[t].done;
        }
        if (!alive) return true;
        if (alive != fibers.size()) return false;
    }
}
static int run(Twin* twin, Dim3 grid, unsigned threads, const void* params) {
    machine = {{0, 0, 0}, {0, 0, 0}, grid, {threads, 1, 1}, barrier};
    running = twin;
    twin->begin(&machine, params);
    fibers.resize(threads);
    std::vector<unsigned> sequence(threads);
    for (unsigned i = 0; i < threads; i++) sequence[i] = order == 1 ? threads - 1 - i : i;
    std::mt19937 random(order);
    for (machine.block.z = 0; machine.block.z < grid.z; machine.block.z++)
        for (machine.block.y = 0; machine.block.y < grid.y; machine.block.y++)
            for (machine.block.x = 0; machine.block.x < grid.x; machine.block.x++)
                if (!run_block(sequence, random)) return LAUNCH_FAILED;
    return OK;
}

static thread_local void* context;
static char gl_memory[1 << 16];
static bool gl_mapped;
static unsigned gl_buffer;
static size_t gl_filled;
static void (*gl_take)(unsigned buffer, const char* bytes, size_t size);  // what OpenGL would find in its buffer

extern "C" {
void fake_order(unsigned o) { order = o; }
void fake_fail_launch(int code) { fail_launch = code; }
void fake_refuse_gl(int code) { refuse_gl = code; }
const char* fake_calls() { return calls.c_str(); }
void fake_forget_calls() { calls.clear(); }
void fake_gl_take(void (*take)(unsigned, const char*, size_t)) { gl_take = take; }
char* fake_gl_memory() { return gl_memory; }
int fake_params_size(const char* path) {
    void* h = dlopen(path, RTLD_NOW);
    auto begin = (int (*)(Machine*, const void*))dlsym(h, "twin_begin");
    static char zeros[1 << 16];
    return begin(&machine, zeros);
}

int cuInit(unsigned) { return OK; }
int cuDriverGetVersion(int* v) { *v = 12040; return OK; }
int cuDeviceGetAttribute(int* v, int, int) { *v = 1; return OK; }
int cuGetErrorString(int e, const char** s) { *s = e == LAUNCH_FAILED ? "unspecified launch failure" : "fake error"; return OK; }
int cuCtxGetCurrent(void** c) { *c = context; return OK; }
int cuCtxSetCurrent(void* c) { context = c; calls += "set "; return OK; }
int cuDevicePrimaryCtxRetain(void** c, int device) { *c = (void*)(size_t)(device + 1); calls += "retain "; return OK; }
int cuModuleLoadData(void** m, const char* image) {
    if (!context) return INVALID_CONTEXT;
    void* h = strncmp(image, "twin:", 5) ? nullptr : dlopen(image + 5, RTLD_NOW);
    if (!h) return INVALID_IMAGE;
    *m = new Twin{(int (*)(Machine*, const void*))dlsym(h, "twin_begin"), (void (*)())dlsym(h, "twin_thread"),
                  (void (*)())dlsym(h, "twin_poison"), h};
    calls += "load ";
    return OK;
}
int cuModuleUnload(void* m) { delete (Twin*)m; return OK; }
int cuModuleGetFunction(void** f, void* m, const char* name) {
    *f = m;
    return dlsym(((Twin*)m)->handle, name) ? OK : NOT_FOUND;
}
int cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void*, void** arguments, void** extra) {
    if (!context) return INVALID_CONTEXT;
    const bool fits = gx && gy && gz && gx <= 0x7fffffff && gy <= 65535 && gz <= 65535 && bx && bx * by * bz <= 1024;
    if (!fits || shared || !arguments || extra) return INVALID_VALUE;
    calls += "launch ";
    return fail_launch ? fail_launch : run((Twin*)f, {gx, gy, gz}, bx, arguments[0]);
}
int cuMemcpyDtoDAsync_v2(void* to, const void* from, size_t size, void*) {
    if (!context) return INVALID_CONTEXT;
    if (to == gl_memory && (!gl_mapped || size > sizeof gl_memory)) return INVALID_VALUE;
    if (to == gl_memory) gl_filled = size;
    calls += "copy ";
    memcpy(to, from, size);
    return OK;
}
int cuGraphicsGLRegisterBuffer(void** r, unsigned buffer, unsigned flags) {
    if (refuse_gl) return refuse_gl;
    *r = gl_memory;
    gl_buffer = buffer;
    calls += "register ";
    return buffer && flags == 2 ? OK : INVALID_VALUE;
}
int cuGraphicsUnregisterResource(void* r) { calls += "unregister "; return r == gl_memory ? OK : INVALID_HANDLE; }
int cuGraphicsMapResources(unsigned n, void** r, void*) {
    if (refuse_gl) return refuse_gl;
    calls += "map ";
    if (n != 1 || *r != gl_memory || gl_mapped) return INVALID_HANDLE;
    gl_mapped = true;
    return OK;
}
int cuGraphicsUnmapResources(unsigned n, void** r, void*) {
    calls += "unmap ";
    if (n != 1 || *r != gl_memory || !gl_mapped) return INVALID_HANDLE;
    gl_mapped = false;
    if (gl_take) gl_take(gl_buffer, gl_memory, gl_filled);
    return OK;
}
int cuGraphicsResourceGetMappedPointer_v2(void** p, size_t* size, void* r) {
    if (r != gl_memory || !gl_mapped) return INVALID_HANDLE;
    *p = gl_memory;
    *size = sizeof gl_memory;
    return OK;
}
}
