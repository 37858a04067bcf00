// A client that encodes two frames and does one thing wrong: the one that its
// argument names. With "nothing" it does none.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "../../nvEncodeAPI.h"

extern int cuInit(unsigned), cuCtxCreate_v2(void **, unsigned, int), cuCtxDestroy_v2(void *), cuCtxPushCurrent_v2(void *),
    cuCtxPopCurrent_v2(void **), cuMemAllocPitch_v2(unsigned long long *, size_t *, size_t, size_t, unsigned),
    cuMemFree_v2(unsigned long long), cuMemcpy2D_v2(const void *), cuMemHostRegister_v2(void *, size_t, unsigned),
    cuMemHostUnregister(void *);

enum { W = 64, H = 48 };

static const char *mistake;
static int wrong(const char *name) { return !strcmp(mistake, name); }

struct copy {
	size_t src_x, src_y;
	int src_type;
	const void *src_host;
	unsigned long long src_device;
	void *src_array;
	size_t src_pitch, dst_x, dst_y;
	int dst_type;
	void *dst_host;
	unsigned long long dst_device;
	void *dst_array;
	size_t dst_pitch, width, height;
};

static NV_ENCODE_API_FUNCTION_LIST api = {.version = NV_ENCODE_API_FUNCTION_LIST_VER};
static NV_ENC_CONFIG config;
static NV_ENC_INITIALIZE_PARAMS init = {.version = NV_ENC_INITIALIZE_PARAMS_VER};
static void *encoder, *context, *registered, *bitstream;
static unsigned long long memory;
static size_t pitch;
static unsigned char pixels[H * W * 4];

static void initialize(void) {
	NV_ENC_PRESET_CONFIG preset = {.version = NV_ENC_PRESET_CONFIG_VER, .presetCfg.version = NV_ENC_CONFIG_VER};
	if (wrong("version")) preset.version = NV_ENC_CONFIG_VER;
	api.nvEncGetEncodePresetConfigEx(encoder, NV_ENC_CODEC_H264_GUID, NV_ENC_PRESET_P1_GUID,
	                                 NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &preset);
	config = preset.presetCfg;
	config.gopLength = NVENC_INFINITE_GOPLENGTH;
	init.encodeGUID = NV_ENC_CODEC_H264_GUID, init.presetGUID = NV_ENC_PRESET_P1_GUID;
	init.tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
	init.encodeWidth = W, init.encodeHeight = H, init.frameRateNum = 60, init.frameRateDen = 1;
	init.enablePTD = 1, init.encodeConfig = &config;
	if (wrong("async")) init.enableEncodeAsync = 1;
	if (wrong("reserved")) init.reserved[7] = 1;
	if (!wrong("order")) api.nvEncInitializeEncoder(encoder, &init);
}

static void attach(void) {
	cuMemAllocPitch_v2(&memory, &pitch, 4 * W, H, 16);
	NV_ENC_REGISTER_RESOURCE r = {.version = NV_ENC_REGISTER_RESOURCE_VER, .width = W, .height = H, .pitch = pitch,
	                              .resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR,
	                              .resourceToRegister = (void *)memory, .bufferFormat = NV_ENC_BUFFER_FORMAT_ARGB};
	if (wrong("pitch")) r.pitch = 4 * W;
	api.nvEncRegisterResource(encoder, &r);
	registered = r.registeredResource;
	NV_ENC_CREATE_BITSTREAM_BUFFER b = {.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER};
	api.nvEncCreateBitstreamBuffer(encoder, &b);
	bitstream = b.bitstreamBuffer;
}

static void frame(int n) {
	struct copy copy = {.src_type = 1, .src_host = pixels, .src_pitch = 4 * W, .dst_type = 2, .dst_device = memory,
	                    .dst_pitch = pitch, .width = 4 * W, .height = wrong("bounds") ? H + 1 : H};
	cuMemcpy2D_v2(&copy);
	NV_ENC_MAP_INPUT_RESOURCE map = {.version = NV_ENC_MAP_INPUT_RESOURCE_VER, .registeredResource = registered};
	api.nvEncMapInputResource(encoder, &map);
	NV_ENC_PIC_PARAMS pic = {.version = NV_ENC_PIC_PARAMS_VER, .inputWidth = W, .inputHeight = H, .inputPitch = pitch,
	                         .inputTimeStamp = n, .inputBuffer = wrong("unmapped") ? registered : map.mappedResource,
	                         .bufferFmt = map.mappedBufferFmt, .outputBitstream = bitstream,
	                         .pictureStruct = NV_ENC_PIC_STRUCT_FRAME};
	if (wrong("unmapped")) api.nvEncUnmapInputResource(encoder, map.mappedResource);
	if (wrong("size")) pic.inputWidth = W / 2;
	if (!wrong("nothing encoded")) api.nvEncEncodePicture(encoder, &pic);
	if (wrong("early")) api.nvEncUnmapInputResource(encoder, map.mappedResource);
	NV_ENC_LOCK_BITSTREAM lock = {.version = NV_ENC_LOCK_BITSTREAM_VER, .outputBitstream = bitstream};
	api.nvEncLockBitstream(encoder, &lock);
	if (wrong("twice")) api.nvEncLockBitstream(encoder, &lock);
	if (!wrong("locked")) api.nvEncUnlockBitstream(encoder, bitstream);
	if (!wrong("mapped") && !wrong("early") && !wrong("unmapped")) api.nvEncUnmapInputResource(encoder, map.mappedResource);
}

static void detach(void) {
	if (!wrong("bitstream")) api.nvEncDestroyBitstreamBuffer(encoder, bitstream);
	if (wrong("freed")) cuMemFree_v2(memory);
	if (!wrong("registered")) api.nvEncUnregisterResource(encoder, registered);
	api.nvEncDestroyEncoder(encoder);
	if (wrong("used after")) api.nvEncDestroyEncoder(encoder);
	if (!wrong("memory") && !wrong("freed")) cuMemFree_v2(memory);
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	mistake = argv[1];
	cuInit(0);
	cuCtxCreate_v2(&context, 0, 0);
	NvEncodeAPICreateInstance(&api);
	NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS open = {.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER,
	                                             .deviceType = NV_ENC_DEVICE_TYPE_CUDA, .device = context,
	                                             .apiVersion = wrong("api") ? 12 : NVENCAPI_VERSION};
	if (api.nvEncOpenEncodeSessionEx(&open, &encoder)) return 0;
	initialize();
	attach();
	if (wrong("context")) cuCtxPopCurrent_v2(&context);
	if (wrong("pushed")) cuCtxPushCurrent_v2(context);
	if (wrong("pinned")) cuMemHostRegister_v2(pixels, sizeof pixels, 0);
	frame(1);
	frame(2);
	if (wrong("context")) cuCtxPushCurrent_v2(context);
	detach();
	if (!wrong("pushed")) cuCtxPopCurrent_v2(&context);
	cuCtxDestroy_v2(context);
	return 0;
}
