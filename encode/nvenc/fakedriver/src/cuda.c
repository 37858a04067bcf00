#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The CUDA driver API (https://docs.nvidia.com/cuda/cuda-driver-api), as far as
// an encoder needs it.

enum {
	SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
	INVALID_CONTEXT = 201, ALREADY_REGISTERED = 712, NOT_REGISTERED = 713, NOT_SUPPORTED = 801,
};

struct context {
	struct context *next;
	int pushed; // times, on all threads
};

struct pinned {
	struct pinned *next;
	const uint8_t *at;
	size_t size;
	void *context;
};

static int initialized;
static struct context *contexts;
static struct fake_memory *memory;
static struct pinned *pinned;

enum { DEPTH = 32 };
static __thread struct context *stack[DEPTH];
static __thread int depth;

void *fake_current(void) { return depth ? stack[depth - 1] : NULL; }

int fake_is_context(void *context) {
	for (struct context *c = contexts; c; c = c->next)
		if (c == context) return 1;
	return 0;
}

struct fake_memory *fake_memory_at(unsigned long long pointer) {
	for (struct fake_memory *m = memory; m; m = m->next)
		if ((unsigned long long)(uintptr_t)m->at == pointer) return m;
	return NULL;
}

// BEGIN takes the lock and does what the call was told to do.
#define BEGIN                                 \
	fake_lock();                              \
	int told = fake_told(__func__);           \
	if (told > 0) {                           \
		fake_unlock();                        \
		return told;                          \
	}
#define END(value)                            \
	do {                                      \
		int result = (value);                 \
		fake_unlock();                        \
		return result;                        \
	} while (0)
#define INITIALIZED                           \
	if (!initialized) END(fake_broken(NOT_INITIALIZED, __func__, "before cuInit"))
#define IN_CONTEXT                            \
	INITIALIZED;                              \
	if (!fake_current()) END(fake_broken(INVALID_CONTEXT, __func__, "no context is current on this thread"))

static const char *gpu(void) {
	const char *name = getenv("FAKEDRIVER_GPU");
	return name ? name : "Fake T4";
}

int cuInit(unsigned flags) {
	BEGIN;
	if (flags) END(fake_broken(INVALID_VALUE, __func__, "flags are %u", flags));
	if (!*gpu()) END(NO_DEVICE);
	initialized = 1;
	END(SUCCESS);
}

int cuDeviceGetCount(int *count) {
	BEGIN;
	INITIALIZED;
	*count = told == FAKE_GARBAGE ? -7 : 1;
	END(SUCCESS);
}

int cuDeviceGet(int *device, int ordinal) {
	BEGIN;
	INITIALIZED;
	if (ordinal != 0) END(fake_broken(INVALID_DEVICE, __func__, "there is no device %d", ordinal));
	*device = 0;
	END(SUCCESS);
}

int cuDeviceGetName(char *name, int length, int device) {
	BEGIN;
	INITIALIZED;
	(void)device;
	if (told == FAKE_GARBAGE) memset(name, 0xfe, length);
	else snprintf(name, length, "%s", gpu());
	END(SUCCESS);
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
	BEGIN;
	(void)attribute, (void)device;
	*value = 1;
	END(SUCCESS);
}

int cuDeviceComputeCapability(int *major, int *minor, int device) {
	BEGIN;
	(void)device;
	*major = 7, *minor = 5;
	END(SUCCESS);
}

int cuGetErrorName(int error, const char **name) {
	*name = error ? "CUDA_ERROR_FAKE" : "CUDA_SUCCESS";
	return SUCCESS;
}

int cuGetErrorString(int error, const char **text) { return cuGetErrorName(error, text); }

static int push(struct context *c) {
	if (depth == DEPTH) return fake_broken(INVALID_VALUE, "cuCtxPushCurrent_v2", "%d contexts on this thread", DEPTH);
	stack[depth++] = c;
	c->pushed++;
	return SUCCESS;
}

int cuCtxCreate_v2(void **context, unsigned flags, int device) {
	BEGIN;
	INITIALIZED;
	(void)flags, (void)device;
	struct context *c = calloc(1, sizeof *c);
	c->next = contexts;
	contexts = c;
	fake_stats()->contexts++;
	*context = c;
	END(push(c));
}

int cuCtxPushCurrent_v2(void *context) {
	BEGIN;
	INITIALIZED;
	if (!fake_is_context(context)) END(fake_broken(INVALID_CONTEXT, __func__, "no such context"));
	END(push(context));
}

int cuCtxPopCurrent_v2(void **context) {
	BEGIN;
	INITIALIZED;
	if (!depth) END(fake_broken(INVALID_CONTEXT, __func__, "no context is current on this thread"));
	stack[--depth]->pushed--;
	if (context) *context = stack[depth];
	END(SUCCESS);
}

int cuCtxGetDevice(int *device) {
	BEGIN;
	IN_CONTEXT;
	*device = 0;
	END(SUCCESS);
}

// leftovers writes down what a context leaves behind.
static void leftovers(struct context *c) {
	int buffers = 0, locked = 0;
	for (struct fake_memory *m = memory; m; m = m->next) buffers += m->context == c;
	for (struct pinned *p = pinned; p; p = p->next) locked += p->context == c;
	if (buffers) fake_broken(0, "cuCtxDestroy_v2", "%d buffers are left", buffers);
	if (locked) fake_broken(0, "cuCtxDestroy_v2", "%d page-locked ranges are left", locked);
	if (c->pushed) fake_broken(0, "cuCtxDestroy_v2", "the context is still current %d times", c->pushed);
}

int cuCtxDestroy_v2(void *context) {
	BEGIN;
	INITIALIZED;
	if (!fake_is_context(context)) END(fake_broken(INVALID_CONTEXT, __func__, "no such context"));
	struct context *c = context;
	leftovers(c);
	while (depth && stack[depth - 1] == c) depth--;
	for (struct context **at = &contexts; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	free(c);
	fake_stats()->contexts--;
	END(SUCCESS);
}

static int allocate(unsigned long long *pointer, size_t pitch, size_t width, size_t height) {
	struct fake_memory *m = calloc(1, sizeof *m);
	*m = (struct fake_memory){.next = memory, .at = calloc(height, pitch), .pitch = pitch, .width = width,
	                          .height = height, .context = fake_current()};
	memory = m;
	fake_stats()->memory++;
	*pointer = (uintptr_t)m->at;
	return SUCCESS;
}

int cuMemAllocPitch_v2(unsigned long long *pointer, size_t *pitch, size_t width, size_t height, unsigned element) {
	BEGIN;
	IN_CONTEXT;
	if (!width || !height || (element != 4 && element != 8 && element != 16))
		END(fake_broken(INVALID_VALUE, __func__, "%zu×%zu of elements of %u", width, height, element));
	*pitch = (width + 511) & ~(size_t)511;
	int status = allocate(pointer, *pitch, width, height);
	if (told == FAKE_GARBAGE) *pitch = 3;
	END(status);
}

int cuMemAlloc_v2(unsigned long long *pointer, size_t size) {
	BEGIN;
	IN_CONTEXT;
	END(allocate(pointer, size, size, 1));
}

int cuMemFree_v2(unsigned long long pointer) {
	BEGIN;
	IN_CONTEXT;
	for (struct fake_memory **at = &memory; *at; at = &(*at)->next) {
		struct fake_memory *m = *at;
		if ((uintptr_t)m->at != pointer) continue;
		if (m->registered) fake_broken(0, __func__, "the memory is registered as a resource");
		*at = m->next;
		free(m->at);
		free(m);
		fake_stats()->memory--;
		END(SUCCESS);
	}
	END(fake_broken(INVALID_VALUE, __func__, "no such memory"));
}

// struct copy is CUDA_MEMCPY2D_v2.
struct copy {
	size_t src_x, src_y;
	int src_type;
	const void *src_host;
	unsigned long long src_device;
	void *src_array;
	size_t src_pitch;
	size_t dst_x, dst_y;
	int dst_type;
	void *dst_host;
	unsigned long long dst_device;
	void *dst_array;
	size_t dst_pitch;
	size_t width, height;
};
enum { HOST = 1, DEVICE = 2 };

// read_back is the other direction, which the encoder has no use for.
static int read_back(const struct copy *c) {
	struct fake_memory *m = fake_memory_at(c->src_device);
	if (!m || c->src_pitch != m->pitch || c->src_x + c->width > m->width || c->src_y + c->height > m->height)
		return fake_broken(INVALID_VALUE, "cuMemcpy2D_v2", "the source is no memory of the device, or not all of it");
	const uint8_t *from = m->at + c->src_y * m->pitch + c->src_x;
	uint8_t *to = (uint8_t *)c->dst_host + c->dst_y * c->dst_pitch + c->dst_x;
	for (size_t y = 0; y < c->height; y++) memcpy(to + y * c->dst_pitch, from + y * m->pitch, c->width);
	return SUCCESS;
}

int cuMemcpy2D_v2(const struct copy *c) {
	BEGIN;
	IN_CONTEXT;
	if (c->src_type == DEVICE && c->dst_type == HOST) END(read_back(c));
	if (c->src_type != HOST || c->dst_type != DEVICE)
		END(fake_broken(NOT_SUPPORTED, __func__, "from memory of type %d to %d", c->src_type, c->dst_type));
	struct fake_memory *m = fake_memory_at(c->dst_device);
	if (!m) END(fake_broken(INVALID_VALUE, __func__, "the destination is no memory of the device"));
	if (c->dst_pitch != m->pitch || c->dst_x + c->width > m->width || c->dst_y + c->height > m->height)
		END(fake_broken(INVALID_VALUE, __func__, "%zu×%zu bytes at %zu, %zu of pitch %zu reach beyond %zu×%zu of %zu",
		                c->width, c->height, c->dst_x, c->dst_y, c->dst_pitch, m->width, m->height, m->pitch));
	if (c->src_x + c->width > c->src_pitch)
		END(fake_broken(INVALID_VALUE, __func__, "a row of %zu bytes at %zu in one of %zu", c->width, c->src_x, c->src_pitch));
	uint64_t began = fake_now(), wall = fake_wall();
	const uint8_t *from = (const uint8_t *)c->src_host + c->src_y * c->src_pitch + c->src_x;
	uint8_t *to = m->at + c->dst_y * m->pitch + c->dst_x;
	for (size_t y = 0; y < c->height; y++) memcpy(to + y * m->pitch, from + y * c->src_pitch, c->width);
	struct fake_stats *stats = fake_stats();
	stats->upload_ns += fake_now() - began;
	stats->wall_ns += fake_wall() - wall;
	stats->uploaded++;
	stats->uploaded_bytes += c->width * c->height;
	END(SUCCESS);
}

int cuMemHostRegister_v2(void *at, size_t size, unsigned flags) {
	BEGIN;
	IN_CONTEXT;
	(void)flags;
	if (!at || !size) END(fake_broken(INVALID_VALUE, __func__, "nothing to lock"));
	for (struct pinned *p = pinned; p; p = p->next)
		if (p->at < (uint8_t *)at + size && (uint8_t *)at < p->at + p->size)
			END(fake_broken(ALREADY_REGISTERED, __func__, "the range is page-locked already"));
	struct pinned *p = calloc(1, sizeof *p);
	*p = (struct pinned){.next = pinned, .at = at, .size = size, .context = fake_current()};
	pinned = p;
	fake_stats()->pinned++;
	END(SUCCESS);
}

int cuMemHostUnregister(void *at) {
	BEGIN;
	IN_CONTEXT;
	for (struct pinned **link = &pinned; *link; link = &(*link)->next) {
		struct pinned *p = *link;
		if (p->at != at) continue;
		*link = p->next;
		free(p);
		fake_stats()->pinned--;
		END(SUCCESS);
	}
	END(fake_broken(NOT_REGISTERED, __func__, "the range is not page-locked"));
}

int cuStreamCreate(void **stream, unsigned flags) {
	(void)flags;
	*stream = NULL;
	return SUCCESS;
}

// What other clients look for when they load the library, and do not call.
#define ABSENT(name) \
	int name(void) { return fake_broken(NOT_SUPPORTED, #name, "this is not a part of the fake"); }
ABSENT(cuCtxSetLimit)
ABSENT(cuMemAllocManaged)
ABSENT(cuMemsetD8Async)
ABSENT(cuMemcpy)
ABSENT(cuMemcpyAsync)
ABSENT(cuMemcpy2DAsync_v2)
ABSENT(cuMemcpyHtoD_v2)
ABSENT(cuMemcpyHtoDAsync_v2)
ABSENT(cuMemcpyDtoH_v2)
ABSENT(cuMemcpyDtoHAsync_v2)
ABSENT(cuMemcpyDtoD_v2)
ABSENT(cuMemcpyDtoDAsync_v2)
ABSENT(cuDevicePrimaryCtxRetain)
ABSENT(cuDevicePrimaryCtxRelease)
ABSENT(cuDevicePrimaryCtxSetFlags)
ABSENT(cuDevicePrimaryCtxGetState)
ABSENT(cuDevicePrimaryCtxReset)
ABSENT(cuStreamQuery)
ABSENT(cuStreamSynchronize)
ABSENT(cuStreamDestroy_v2)
ABSENT(cuStreamAddCallback)
ABSENT(cuEventCreate)
ABSENT(cuEventDestroy_v2)
ABSENT(cuEventSynchronize)
ABSENT(cuEventQuery)
ABSENT(cuEventRecord)
ABSENT(cuLaunchKernel)
ABSENT(cuLinkCreate)
ABSENT(cuLinkAddData)
ABSENT(cuLinkComplete)
ABSENT(cuLinkDestroy)
ABSENT(cuModuleLoadData)
ABSENT(cuModuleUnload)
ABSENT(cuModuleGetFunction)
ABSENT(cuModuleGetGlobal)
ABSENT(cuTexObjectCreate)
ABSENT(cuTexObjectDestroy)
ABSENT(cuGLGetDevices_v2)
ABSENT(cuGraphicsGLRegisterImage)
ABSENT(cuGraphicsUnregisterResource)
ABSENT(cuGraphicsMapResources)
ABSENT(cuGraphicsUnmapResources)
ABSENT(cuGraphicsSubResourceGetMappedArray)
ABSENT(cuGraphicsResourceGetMappedPointer_v2)
ABSENT(cuArray3DCreate_v2)
ABSENT(cuArrayDestroy)
