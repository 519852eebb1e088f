// What the fake driver calls in a twin: one thread of the kernel, and the bounds of its shared memory.
static Params twin_params;
extern "C" {
extern char __start_cuda_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_cuda_shared[] __attribute__((weak, visibility("hidden")));
int twin_begin(Machine* m, const void* params) {
    machine = m;
    std::memcpy(&twin_params, params, sizeof twin_params);
    return (int)sizeof(Params);
}
void twin_thread() { KERNEL(twin_params); }
__attribute__((no_sanitize("address"))) void twin_poison() {  // NaN: whoever reads before a write will show it
    for (volatile char* p = __start_cuda_shared; p < __stop_cuda_shared; p++) *p = (char)0xff;
}
}
