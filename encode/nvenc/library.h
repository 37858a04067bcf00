#ifndef LUCARNE_NVENC_LIBRARY_H
#define LUCARNE_NVENC_LIBRARY_H

#include "shim.h"

// The old presets are marked as deprecated; their GUIDs are not used here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "nvEncodeAPI.h"
#pragma GCC diagnostic pop

// What is used of the CUDA driver API
// (https://docs.nvidia.com/cuda/cuda-driver-api), which has kept this binary
// interface since CUDA 4.0.

typedef int cuda_result;            // CUresult
typedef int cuda_device;            // CUdevice
typedef void *cuda_context;         // CUcontext
typedef unsigned long long cuda_ptr; // CUdeviceptr

enum {
	CUDA_OUT_OF_MEMORY = 2,
	CUDA_BLOCKING_SYNC = 4, // CU_CTX_SCHED_BLOCKING_SYNC: wait for the GPU asleep
	CUDA_NAME = 96,
};

enum cuda_memory { CUDA_HOST = 1, CUDA_DEVICE = 2 };

// CUDA_MEMCPY2D_v2
struct cuda_copy {
	size_t src_x, src_y;
	enum cuda_memory src_type;
	const void *src_host;
	cuda_ptr src_device;
	void *src_array;
	size_t src_pitch;
	size_t dst_x, dst_y;
	enum cuda_memory dst_type;
	void *dst_host;
	cuda_ptr dst_device;
	void *dst_array;
	size_t dst_pitch;
	size_t width, height; // width in bytes
};

struct cuda {
	cuda_result (*init)(unsigned flags);
	cuda_result (*count)(int *count);
	cuda_result (*get)(cuda_device *device, int ordinal);
	cuda_result (*name)(char *name, int length, cuda_device device);
	cuda_result (*create)(cuda_context *context, unsigned flags, cuda_device device);
	cuda_result (*destroy)(cuda_context context);
	cuda_result (*push)(cuda_context context);
	cuda_result (*pop)(cuda_context *context);
	cuda_result (*alloc)(cuda_ptr *memory, size_t *pitch, size_t width, size_t height, unsigned element);
	cuda_result (*free)(cuda_ptr memory);
	cuda_result (*copy)(const struct cuda_copy *copy);
	cuda_result (*pin)(void *memory, size_t size, unsigned flags);
	cuda_result (*unpin)(void *memory);
};

// nvenc_load loads both libraries and checks that the encoder's has the API that
// this is written for. They stay loaded: libcuda is not made to be unloaded.
int nvenc_load(const struct nvenc_options *options, struct cuda *cuda, NV_ENCODE_API_FUNCTION_LIST *api,
               struct nvenc_error *error);

// nvenc_fail fills error and returns -1.
int nvenc_fail(struct nvenc_error *error, enum nvenc_layer layer, int status, const char *operation, const char *text);

#endif
