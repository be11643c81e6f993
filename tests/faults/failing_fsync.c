/* Loaded before the C library: while the file named by FAULT_SWITCH exists, no fsync succeeds (LD_PRELOAD, see ld.so(8)). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
  const char *path = getenv("FAULT_SWITCH");
  return path != NULL && access(path, F_OK) == 0;
}

#define GUARDED(name)                                             \
  int name(int descriptor) {                                      \
    static int (*real)(int);                                      \
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, #name); \
    if (fails()) {                                                \
      errno = EIO;                                                \
      return -1;                                                  \
    }                                                             \
    return real(descriptor);                                      \
  }

GUARDED(fsync)
GUARDED(fdatasync)
