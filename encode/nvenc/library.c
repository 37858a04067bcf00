//go:build cgo && !nonvenc

#include "library.h"
#include "filter.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int nvenc_fail(struct nvenc_error *error, enum nvenc_layer layer, int status, const char *operation,
               const char *text) {
	error->layer = layer;
	error->status = status;
	snprintf(error->operation, sizeof error->operation, "%s", operation);
	snprintf(error->text, sizeof error->text, "%s", text ? text : "");
	return -1;
}

// open_library opens one of the two.
static void *open_library(const char *path, enum nvenc_layer layer, struct nvenc_error *error) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) nvenc_fail(error, layer, 0, "dlopen", dlerror());
	return library;
}

static int load_cuda(const char *path, struct cuda *cuda, struct nvenc_error *error) {
	void *library = open_library(path, NVENC_LAYER_CUDA_LIBRARY, error);
	if (!library) return -1;
	const struct {
		const char *symbol;
		void *at;
	} wanted[] = {
	    {"cuInit", &cuda->init},
	    {"cuDeviceGetCount", &cuda->count},
	    {"cuDeviceGet", &cuda->get},
	    {"cuDeviceGetName", &cuda->name},
	    {"cuCtxCreate_v2", &cuda->create},
	    {"cuCtxDestroy_v2", &cuda->destroy},
	    {"cuCtxPushCurrent_v2", &cuda->push},
	    {"cuCtxPopCurrent_v2", &cuda->pop},
	    {"cuMemAllocPitch_v2", &cuda->alloc},
	    {"cuMemFree_v2", &cuda->free},
	    {"cuMemcpy2D_v2", &cuda->copy},
	    {"cuMemHostRegister_v2", &cuda->pin},
	    {"cuMemHostUnregister", &cuda->unpin},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		void *symbol = dlsym(library, wanted[i].symbol);
		if (!symbol) return nvenc_fail(error, NVENC_LAYER_CUDA_LIBRARY, 0, wanted[i].symbol, "the library lacks it");
		memcpy(wanted[i].at, &symbol, sizeof symbol);
	}
	return 0;
}

// complete says that the driver has filled in what is called below.
static int complete(const NV_ENCODE_API_FUNCTION_LIST *api) {
	return api->nvEncOpenEncodeSessionEx && api->nvEncGetEncodeGUIDCount && api->nvEncGetEncodeGUIDs &&
	       api->nvEncGetEncodeCaps && api->nvEncGetEncodePresetConfigEx && api->nvEncInitializeEncoder &&
	       api->nvEncCreateBitstreamBuffer && api->nvEncDestroyBitstreamBuffer && api->nvEncEncodePicture &&
	       api->nvEncLockBitstream && api->nvEncUnlockBitstream && api->nvEncMapInputResource &&
	       api->nvEncUnmapInputResource && api->nvEncDestroyEncoder && api->nvEncInvalidateRefFrames &&
	       api->nvEncRegisterResource && api->nvEncUnregisterResource && api->nvEncReconfigureEncoder &&
	       api->nvEncGetLastErrorString;
}

static int load_encode(const struct nvenc_options *o, NV_ENCODE_API_FUNCTION_LIST *api, struct nvenc_error *error) {
	void *library = open_library(o->encode, NVENC_LAYER_ENCODE_LIBRARY, error);
	if (!library) return -1;
	if (nvenc_filter(library, o->left_out, o->left_out_count))
		return nvenc_fail(error, NVENC_LAYER_ENCODE_LIBRARY, 0, "ioctl", "the library cannot be kept from the host's other GPUs");
	NVENCSTATUS (*version)(uint32_t *);
	NVENCSTATUS (*create)(NV_ENCODE_API_FUNCTION_LIST *);
	*(void **)&version = dlsym(library, "NvEncodeAPIGetMaxSupportedVersion");
	*(void **)&create = dlsym(library, "NvEncodeAPICreateInstance");
	if (!version || !create)
		return nvenc_fail(error, NVENC_LAYER_ENCODE_LIBRARY, 0, "NvEncodeAPICreateInstance", "the library lacks it");
	uint32_t has = 0;
	NVENCSTATUS status = version(&has);
	if (status) return nvenc_fail(error, NVENC_LAYER_NVENC, status, "NvEncodeAPIGetMaxSupportedVersion", NULL);
	if (has < (NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION))
		return nvenc_fail(error, NVENC_LAYER_VERSION, (int)has, "NvEncodeAPIGetMaxSupportedVersion", NULL);
	struct {
		NV_ENCODE_API_FUNCTION_LIST list;
		char room[64]; // a newer driver may write more
	} made = {.list.version = NV_ENCODE_API_FUNCTION_LIST_VER};
	status = create(&made.list);
	if (status) return nvenc_fail(error, NVENC_LAYER_NVENC, status, "NvEncodeAPICreateInstance", NULL);
	if (!complete(&made.list))
		return nvenc_fail(error, NVENC_LAYER_ANSWER, 0, "NvEncodeAPICreateInstance", "functions are missing");
	*api = made.list;
	return 0;
}

int nvenc_load(const struct nvenc_options *o, struct cuda *cuda, NV_ENCODE_API_FUNCTION_LIST *api,
               struct nvenc_error *error) {
	if (load_cuda(o->cuda, cuda, error)) return -1;
	return load_encode(o, api, error);
}

const char *nvenc_status_name(int status) {
	static const char *const names[] = {
	    "NV_ENC_SUCCESS",
	    "NV_ENC_ERR_NO_ENCODE_DEVICE",
	    "NV_ENC_ERR_UNSUPPORTED_DEVICE",
	    "NV_ENC_ERR_INVALID_ENCODERDEVICE",
	    "NV_ENC_ERR_INVALID_DEVICE",
	    "NV_ENC_ERR_DEVICE_NOT_EXIST",
	    "NV_ENC_ERR_INVALID_PTR",
	    "NV_ENC_ERR_INVALID_EVENT",
	    "NV_ENC_ERR_INVALID_PARAM",
	    "NV_ENC_ERR_INVALID_CALL",
	    "NV_ENC_ERR_OUT_OF_MEMORY",
	    "NV_ENC_ERR_ENCODER_NOT_INITIALIZED",
	    "NV_ENC_ERR_UNSUPPORTED_PARAM",
	    "NV_ENC_ERR_LOCK_BUSY",
	    "NV_ENC_ERR_NOT_ENOUGH_BUFFER",
	    "NV_ENC_ERR_INVALID_VERSION",
	    "NV_ENC_ERR_MAP_FAILED",
	    "NV_ENC_ERR_NEED_MORE_INPUT",
	    "NV_ENC_ERR_ENCODER_BUSY",
	    "NV_ENC_ERR_EVENT_NOT_REGISTERD",
	    "NV_ENC_ERR_GENERIC",
	    "NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY",
	    "NV_ENC_ERR_UNIMPLEMENTED",
	    "NV_ENC_ERR_RESOURCE_REGISTER_FAILED",
	    "NV_ENC_ERR_RESOURCE_NOT_REGISTERED",
	    "NV_ENC_ERR_RESOURCE_NOT_MAPPED",
	};
	if (status < 0 || (size_t)status >= sizeof names / sizeof *names) return NULL;
	return names[status];
}

const char *nvenc_cuda_name(int status) {
	switch (status) {
	case 1: return "CUDA_ERROR_INVALID_VALUE";
	case 2: return "CUDA_ERROR_OUT_OF_MEMORY";
	case 3: return "CUDA_ERROR_NOT_INITIALIZED";
	case 4: return "CUDA_ERROR_DEINITIALIZED";
	case 34: return "CUDA_ERROR_STUB_LIBRARY";
	case 46: return "CUDA_ERROR_DEVICE_UNAVAILABLE";
	case 100: return "CUDA_ERROR_NO_DEVICE";
	case 101: return "CUDA_ERROR_INVALID_DEVICE";
	case 201: return "CUDA_ERROR_INVALID_CONTEXT";
	case 214: return "CUDA_ERROR_ECC_UNCORRECTABLE";
	case 304: return "CUDA_ERROR_OPERATING_SYSTEM";
	case 700: return "CUDA_ERROR_ILLEGAL_ADDRESS";
	case 712: return "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED";
	case 713: return "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED";
	case 719: return "CUDA_ERROR_LAUNCH_FAILED";
	case 800: return "CUDA_ERROR_NOT_PERMITTED";
	case 801: return "CUDA_ERROR_NOT_SUPPORTED";
	case 802: return "CUDA_ERROR_SYSTEM_NOT_READY";
	case 803: return "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH";
	case 804: return "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE";
	case 999: return "CUDA_ERROR_UNKNOWN";
	}
	return NULL;
}
