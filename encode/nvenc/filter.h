#ifndef LUCARNE_NVENC_FILTER_H
#define LUCARNE_NVENC_FILTER_H

#include <stdint.h>

// Drivers from 570 on open NVENC by asking the kernel for all GPUs of the host
// and starting each, also those whose device files a container does not have;
// that fails, and so does NVENC. The filter has the encoder's library, and no
// other, see only those that are here: it looks through the answers to one
// control of one ioctl.
//
// Facts are of NVIDIA's open-gpu-kernel-modules: nv-ioctl-numbers.h, nvos.h,
// ctrl0000gpu.h.

enum { NVENC_FILTER_MOST = 32 }; // NV0000_CTRL_GPU_MAX_ATTACHED_GPUS

// nvenc_filter puts the filter between a loaded library and ioctl(2). ids are the
// GPUs to leave out from now on; without any the library is left as it is. It
// returns 0, or -1 where the library does not call ioctl as expected.
int nvenc_filter(void *library, const uint32_t *ids, int n);

// nvenc_filter_kernel replaces ioctl(2) below the filter, for tests; NULL: the
// machine's own.
void nvenc_filter_kernel(int (*kernel)(int, unsigned long, void *));

#endif
