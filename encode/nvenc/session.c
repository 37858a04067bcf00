//go:build cgo && !nonvenc

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

// Each structure that the driver sees is followed by this much room: a newer
// driver may take it for one of its own, which is larger.
enum { ROOM = 64 };
#define ROOMY(type, name)  \
	struct {               \
		type it;           \
		char room[ROOM];   \
	} name = {.it = {0}}

// What a session is prepared for beyond its size, so that it can be resized
// without being opened anew. It costs some 300 MB of the GPU's memory.
enum { ROOMY_WIDTH = 4096, ROOMY_HEIGHT = 2304 };

// Frames that are kept for reference: those a decoder may have lost can be left
// out as long as there is an older one.
enum { REFERENCES = 5 };

// A packet that says it is larger than its picture is not believed.
enum { SLACK = 1 << 16 };

struct nvenc_session {
	struct cuda cuda;
	NV_ENCODE_API_FUNCTION_LIST api;
	cuda_context context;
	void *encoder;
	int width, height, max_width, max_height;
	int min_width, min_height;
	int fps, references, dynamic_size, custom_vbv;

	// The picture on the GPU.
	cuda_ptr picture;
	size_t pitch;
	NV_ENC_REGISTERED_PTR registered;
	NV_ENC_OUTPUT_PTR bitstream;

	struct {
		NV_ENC_CONFIG it;
		char room[ROOM];
	} config;
	struct {
		NV_ENC_INITIALIZE_PARAMS it;
		char room[ROOM];
	} init;

	const void *pinned;
	uint8_t *data;
	size_t capacity;
};

static int cuda_failed(struct nvenc_error *error, cuda_result result, const char *operation) {
	return nvenc_fail(error, NVENC_LAYER_CUDA, result, operation, nvenc_cuda_name(result));
}

static int nvenc_failed(struct nvenc_session *s, struct nvenc_error *error, NVENCSTATUS status, const char *operation) {
	const char *text = s->encoder ? s->api.nvEncGetLastErrorString(s->encoder) : NULL;
	return nvenc_fail(error, NVENC_LAYER_NVENC, status, operation, text);
}

// CUDA and NVENC do what is in the parentheses, and return from the function if
// that fails.
#define CUDA(name, call)                                             \
	do {                                                             \
		cuda_result result = (call);                                 \
		if (result) return cuda_failed(error, result, name);         \
	} while (0)
#define NVENC(name, call)                                            \
	do {                                                             \
		NVENCSTATUS status = (call);                                 \
		if (status) return nvenc_failed(s, error, status, name);     \
	} while (0)

static int enter(struct nvenc_session *s, struct nvenc_error *error) {
	CUDA("cuCtxPushCurrent", s->cuda.push(s->context));
	return 0;
}

static void leave(struct nvenc_session *s) {
	cuda_context context;
	s->cuda.pop(&context);
}

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

static int open_context(struct nvenc_session *s, const struct nvenc_options *o, char name[CUDA_NAME],
                        struct nvenc_error *error) {
	CUDA("cuInit", s->cuda.init(0));
	int count = 0;
	CUDA("cuDeviceGetCount", s->cuda.count(&count));
	if (o->device >= count) return cuda_failed(error, 100, "cuDeviceGetCount");
	cuda_device device;
	CUDA("cuDeviceGet", s->cuda.get(&device, o->device));
	CUDA("cuDeviceGetName", s->cuda.name(name, CUDA_NAME, device));
	name[CUDA_NAME - 1] = 0;
	CUDA("cuCtxCreate", s->cuda.create(&s->context, CUDA_BLOCKING_SYNC, device));
	leave(s); // creating it made it current
	return 0;
}

static int open_encoder(struct nvenc_session *s, struct nvenc_error *error) {
	ROOMY(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS, params);
	params.it.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
	params.it.deviceType = NV_ENC_DEVICE_TYPE_CUDA;
	params.it.device = s->context;
	params.it.apiVersion = NVENCAPI_VERSION;
	void *encoder = NULL;
	NVENCSTATUS status = s->api.nvEncOpenEncodeSessionEx(&params.it, &encoder);
	if (status) {
		if (encoder) s->api.nvEncDestroyEncoder(encoder);
		return nvenc_failed(s, error, status, "nvEncOpenEncodeSessionEx");
	}
	if (!encoder)
		return nvenc_fail(error, NVENC_LAYER_ANSWER, 0, "nvEncOpenEncodeSessionEx", "no session");
	s->encoder = encoder;
	return 0;
}

static int has_h264(struct nvenc_session *s, struct nvenc_error *error) {
	GUID guids[64];
	uint32_t count = 0, got = 0;
	NVENC("nvEncGetEncodeGUIDCount", s->api.nvEncGetEncodeGUIDCount(s->encoder, &count));
	if (count > sizeof guids / sizeof *guids)
		return nvenc_fail(error, NVENC_LAYER_ANSWER, 0, "nvEncGetEncodeGUIDCount", "an impossible number");
	if (count > 0) NVENC("nvEncGetEncodeGUIDs", s->api.nvEncGetEncodeGUIDs(s->encoder, guids, count, &got));
	for (uint32_t i = 0; i < got && i < count; i++)
		if (!memcmp(&guids[i], &NV_ENC_CODEC_H264_GUID, sizeof(GUID))) return 0;
	return nvenc_fail(error, NVENC_LAYER_CODEC, 0, "nvEncGetEncodeGUIDs", NULL);
}

static int cap(struct nvenc_session *s, NV_ENC_CAPS which) {
	ROOMY(NV_ENC_CAPS_PARAM, params);
	params.it.version = NV_ENC_CAPS_PARAM_VER;
	params.it.capsToQuery = which;
	int value = 0;
	if (s->api.nvEncGetEncodeCaps(s->encoder, NV_ENC_CODEC_H264_GUID, &params.it, &value)) return 0;
	return value;
}

// able looks at what the GPU can do. With room the session can be resized later.
static int able(struct nvenc_session *s, const struct nvenc_options *o, int room, struct nvenc_error *error) {
	int widest = cap(s, NV_ENC_CAPS_WIDTH_MAX), highest = cap(s, NV_ENC_CAPS_HEIGHT_MAX);
	s->min_width = cap(s, NV_ENC_CAPS_WIDTH_MIN), s->min_height = cap(s, NV_ENC_CAPS_HEIGHT_MIN);
	if (o->width < s->min_width || o->height < s->min_height || o->width > widest || o->height > highest)
		return nvenc_fail(error, NVENC_LAYER_SIZE, 0, "nvEncGetEncodeCaps", NULL);
	if (o->full_colour && !cap(s, NV_ENC_CAPS_SUPPORT_YUV444_ENCODE))
		return nvenc_fail(error, NVENC_LAYER_COLOUR, 0, "nvEncGetEncodeCaps", NULL);
	s->width = o->width, s->height = o->height, s->fps = o->fps;
	s->dynamic_size = room && cap(s, NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE);
	s->custom_vbv = cap(s, NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE);
	s->references = cap(s, NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION) ? REFERENCES : 1;
	s->max_width = s->dynamic_size ? least(widest, most(o->width, ROOMY_WIDTH)) : 0;
	s->max_height = s->dynamic_size ? least(highest, most(o->height, ROOMY_HEIGHT)) : 0;
	return 0;
}

// set_rate writes the bitrate, the buffer of one frame that holds to it, and the
// coarsest quantizer, 0 for none.
static void set_rate(struct nvenc_session *s, uint32_t bps, int max_qp) {
	NV_ENC_RC_PARAMS *rc = &s->config.it.rcParams;
	rc->enableMaxQP = max_qp > 0;
	rc->maxQP = (NV_ENC_QP){max_qp, max_qp, max_qp};
	rc->averageBitRate = rc->maxBitRate = bps;
	rc->vbvBufferSize = rc->vbvInitialDelay = s->custom_vbv ? bps / s->fps : 0;
}

// level is the lowest that holds 4096×2304 at 56 frames a second, whatever the
// size: it must not change when the picture does.
static uint32_t level(struct nvenc_session *s) {
	int highest = cap(s, NV_ENC_CAPS_LEVEL_MAX);
	long area = most(s->width, s->max_width) * (long)most(s->height, s->max_height);
	if (area > ROOMY_WIDTH * (long)ROOMY_HEIGHT) return highest;
	return least(NV_ENC_LEVEL_H264_52, highest);
}

static void configure(struct nvenc_session *s, const struct nvenc_options *o) {
	NV_ENC_CONFIG *c = &s->config.it;
	c->version = NV_ENC_CONFIG_VER;
	c->profileGUID = o->full_colour ? NV_ENC_H264_PROFILE_HIGH_444_GUID : NV_ENC_H264_PROFILE_HIGH_GUID;
	c->gopLength = NVENC_INFINITE_GOPLENGTH;
	c->frameIntervalP = 1;

	NV_ENC_RC_PARAMS *rc = &c->rcParams;
	rc->rateControlMode = NV_ENC_PARAMS_RC_CBR;
	rc->multiPass = NV_ENC_TWO_PASS_QUARTER_RESOLUTION; // holds each frame to its size
	rc->enableLookahead = 0;
	rc->zeroReorderDelay = 1;
	rc->lowDelayKeyFrameScale = 1;
	rc->enableMinQP = 1; // finer is not seen, and would never come to rest
	rc->minQP = (NV_ENC_QP){o->min_qp, o->min_qp, o->min_qp};
	set_rate(s, o->bps, 0);

	NV_ENC_CONFIG_H264 *h = &c->encodeCodecConfig.h264Config;
	h->idrPeriod = NVENC_INFINITE_GOPLENGTH;
	h->repeatSPSPPS = 1;
	h->outputAUD = 0;
	h->level = level(s);
	h->chromaFormatIDC = o->full_colour ? 3 : 1;
	h->entropyCodingMode = NV_ENC_H264_ENTROPY_CODING_MODE_CABAC;
	h->sliceMode = 3;
	h->sliceModeData = 1;
	h->maxNumRefFrames = s->references;
	h->numRefL0 = NV_ENC_NUM_REF_FRAMES_1;

	// The GPU turns ARGB into BT.601 of limited range; the colours themselves
	// are sRGB's, whose primaries are BT.709's.
	NV_ENC_CONFIG_H264_VUI_PARAMETERS *v = &h->h264VUIParameters;
	v->videoSignalTypePresentFlag = 1;
	v->videoFormat = 5; // unspecified
	v->videoFullRangeFlag = 0;
	v->colourDescriptionPresentFlag = 1;
	v->colourPrimaries = 1;         // BT.709
	v->transferCharacteristics = 1; // BT.709
	v->colourMatrix = 6;            // BT.601
	v->bitstreamRestrictionFlag = 1; // no reordering: a decoder need not wait
}

static int initialize(struct nvenc_session *s, const struct nvenc_options *o, struct nvenc_error *error) {
	static const GUID *const presets[] = {&NV_ENC_PRESET_P1_GUID, &NV_ENC_PRESET_P2_GUID, &NV_ENC_PRESET_P3_GUID,
	                                      &NV_ENC_PRESET_P4_GUID};
	const GUID preset = *presets[o->preset - 1];
	ROOMY(NV_ENC_PRESET_CONFIG, chosen);
	chosen.it.version = NV_ENC_PRESET_CONFIG_VER;
	chosen.it.presetCfg.version = NV_ENC_CONFIG_VER;
	NVENC("nvEncGetEncodePresetConfigEx",
	      s->api.nvEncGetEncodePresetConfigEx(s->encoder, NV_ENC_CODEC_H264_GUID, preset,
	                                          NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &chosen.it));
	s->config.it = chosen.it.presetCfg;
	configure(s, o);

	NV_ENC_INITIALIZE_PARAMS *p = &s->init.it;
	p->version = NV_ENC_INITIALIZE_PARAMS_VER;
	p->encodeGUID = NV_ENC_CODEC_H264_GUID;
	p->presetGUID = preset;
	p->tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
	p->encodeWidth = p->darWidth = s->width;
	p->encodeHeight = p->darHeight = s->height;
	p->maxEncodeWidth = s->max_width;
	p->maxEncodeHeight = s->max_height;
	p->frameRateNum = s->fps;
	p->frameRateDen = 1;
	p->enablePTD = 1;
	p->encodeConfig = &s->config.it;
	NVENC("nvEncInitializeEncoder", s->api.nvEncInitializeEncoder(s->encoder, p));
	return 0;
}

// attach makes the picture on the GPU and tells the encoder of it.
static int attach(struct nvenc_session *s, struct nvenc_error *error) {
	CUDA("cuMemAllocPitch", s->cuda.alloc(&s->picture, &s->pitch, 4 * (size_t)s->width, s->height, 16));
	if (s->pitch < 4 * (size_t)s->width || s->pitch > UINT_MAX)
		return nvenc_fail(error, NVENC_LAYER_ANSWER, 0, "cuMemAllocPitch", "an impossible pitch");
	ROOMY(NV_ENC_REGISTER_RESOURCE, params);
	params.it.version = NV_ENC_REGISTER_RESOURCE_VER;
	params.it.resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR;
	params.it.width = s->width;
	params.it.height = s->height;
	params.it.pitch = (uint32_t)s->pitch;
	params.it.resourceToRegister = (void *)s->picture;
	params.it.bufferFormat = NV_ENC_BUFFER_FORMAT_ARGB; // B, G, R, X in memory
	params.it.bufferUsage = NV_ENC_INPUT_IMAGE;
	NVENC("nvEncRegisterResource", s->api.nvEncRegisterResource(s->encoder, &params.it));
	s->registered = params.it.registeredResource;
	return 0;
}

static void detach(struct nvenc_session *s) {
	if (s->registered) s->api.nvEncUnregisterResource(s->encoder, s->registered);
	if (s->picture) s->cuda.free(s->picture);
	s->registered = NULL;
	s->picture = 0;
}

static int prepare(struct nvenc_session *s, const struct nvenc_options *o, int room, struct nvenc_error *error) {
	if (open_encoder(s, error) || has_h264(s, error) || able(s, o, room, error) || initialize(s, o, error) ||
	    attach(s, error))
		return -1;
	ROOMY(NV_ENC_CREATE_BITSTREAM_BUFFER, params);
	params.it.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
	NVENC("nvEncCreateBitstreamBuffer", s->api.nvEncCreateBitstreamBuffer(s->encoder, &params.it));
	s->bitstream = params.it.bitstreamBuffer;
	return 0;
}

static void dismantle(struct nvenc_session *s) {
	if (s->bitstream) s->api.nvEncDestroyBitstreamBuffer(s->encoder, s->bitstream);
	detach(s);
	if (s->encoder) s->api.nvEncDestroyEncoder(s->encoder);
	s->bitstream = s->encoder = NULL;
}

static int out_of_memory(const struct nvenc_error *error) {
	return (error->layer == NVENC_LAYER_NVENC && error->status == NV_ENC_ERR_OUT_OF_MEMORY) ||
	       (error->layer == NVENC_LAYER_CUDA && error->status == CUDA_OUT_OF_MEMORY);
}

struct nvenc_session *nvenc_open(const struct nvenc_options *o, char name[CUDA_NAME], struct nvenc_error *error) {
	struct nvenc_session *s = calloc(1, sizeof *s);
	if (!s) {
		nvenc_fail(error, NVENC_LAYER_CUDA, CUDA_OUT_OF_MEMORY, "calloc", NULL);
		return NULL;
	}
	if (!nvenc_load(o, &s->cuda, &s->api, error) && !open_context(s, o, name, error) &&
	    !enter(s, error)) {
		int failed = prepare(s, o, 1, error);
		if (failed && out_of_memory(error) && s->encoder) {
			dismantle(s); // perhaps there is room for just this size
			failed = prepare(s, o, 0, error);
		}
		leave(s);
		if (!failed) return s;
	}
	nvenc_close(s);
	return NULL;
}

void nvenc_close(struct nvenc_session *s) {
	if (!s) return;
	nvenc_unpin(s);
	struct nvenc_error ignored;
	if (s->context && !enter(s, &ignored)) {
		dismantle(s);
		leave(s);
	}
	if (s->context) s->cuda.destroy(s->context);
	free(s->data);
	free(s);
}

int nvenc_refs(const struct nvenc_session *s) { return s->references; }

// copy brings w×h pixels from (sx, sy) of the source to (x, y) of the picture.
static int copy(struct nvenc_session *s, const uint8_t *pix, size_t stride, int sx, int sy, int x, int y, int w, int h,
                struct nvenc_error *error) {
	struct cuda_copy c = {
	    .src_type = CUDA_HOST, .src_host = pix, .src_pitch = stride, .src_x = 4 * (size_t)sx, .src_y = sy,
	    .dst_type = CUDA_DEVICE, .dst_device = s->picture, .dst_pitch = s->pitch, .dst_x = 4 * (size_t)x, .dst_y = y,
	    .width = 4 * (size_t)w, .height = h,
	};
	CUDA("cuMemcpy2D", s->cuda.copy(&c));
	return 0;
}

// upload_rect brings one rectangle, and what repeats it beyond an odd border.
static int upload_rect(struct nvenc_session *s, const uint8_t *pix, size_t stride, int width, int height,
                       const struct nvenc_rect *r, struct nvenc_error *error) {
	int w = r->x1 - r->x0, h = r->y1 - r->y0;
	int right = r->x1 == width && s->width > width, below = r->y1 == height && s->height > height;
	if (copy(s, pix, stride, r->x0, r->y0, r->x0, r->y0, w, h, error)) return -1;
	if (right && copy(s, pix, stride, width - 1, r->y0, width, r->y0, 1, h, error)) return -1;
	if (below && copy(s, pix, stride, r->x0, height - 1, r->x0, height, w, 1, error)) return -1;
	if (right && below && copy(s, pix, stride, width - 1, height - 1, width, height, 1, 1, error)) return -1;
	return 0;
}

int nvenc_upload(struct nvenc_session *s, const uint8_t *pix, size_t stride, int width, int height,
                 const struct nvenc_rect *rects, int n, struct nvenc_error *error) {
	if (enter(s, error)) return -1;
	int failed = 0;
	for (int i = 0; i < n && !failed; i++) failed = upload_rect(s, pix, stride, width, height, &rects[i], error);
	leave(s);
	return failed;
}

// keep copies what the driver has made, if that can be true.
static int keep(struct nvenc_session *s, const NV_ENC_LOCK_BITSTREAM *locked, struct nvenc_packet *packet,
                struct nvenc_error *error) {
	size_t size = locked->bitstreamSizeInBytes, bound = 4 * (size_t)s->width * s->height + SLACK;
	if (!locked->bitstreamBufferPtr || size < 5 || size > bound)
		return nvenc_fail(error, NVENC_LAYER_ANSWER, 0, "nvEncLockBitstream", "a packet of an impossible size");
	if (size > s->capacity) {
		uint8_t *data = realloc(s->data, size + size / 2);
		if (!data) return nvenc_fail(error, NVENC_LAYER_CUDA, CUDA_OUT_OF_MEMORY, "realloc", NULL);
		s->data = data, s->capacity = size + size / 2;
	}
	memcpy(s->data, locked->bitstreamBufferPtr, size);
	*packet = (struct nvenc_packet){.data = s->data, .size = size,
	                                .key = locked->pictureType == NV_ENC_PIC_TYPE_IDR,
	                                .qp = (int)locked->frameAvgQP};
	return 0;
}

// read_out waits for the packet.
static int read_out(struct nvenc_session *s, struct nvenc_packet *packet, struct nvenc_error *error) {
	ROOMY(NV_ENC_LOCK_BITSTREAM, lock);
	lock.it.version = NV_ENC_LOCK_BITSTREAM_VER;
	lock.it.outputBitstream = s->bitstream;
	NVENC("nvEncLockBitstream", s->api.nvEncLockBitstream(s->encoder, &lock.it));
	int failed = keep(s, &lock.it, packet, error);
	NVENCSTATUS status = s->api.nvEncUnlockBitstream(s->encoder, s->bitstream);
	if (status && !failed) return nvenc_failed(s, error, status, "nvEncUnlockBitstream");
	return failed;
}

static int encode_mapped(struct nvenc_session *s, const NV_ENC_MAP_INPUT_RESOURCE *map, int key, uint64_t stamp,
                         struct nvenc_packet *packet, struct nvenc_error *error) {
	ROOMY(NV_ENC_PIC_PARAMS, params);
	params.it.version = NV_ENC_PIC_PARAMS_VER;
	params.it.inputWidth = s->width;
	params.it.inputHeight = s->height;
	params.it.inputPitch = (uint32_t)s->pitch;
	params.it.encodePicFlags = key ? NV_ENC_PIC_FLAG_FORCEIDR | NV_ENC_PIC_FLAG_OUTPUT_SPSPPS : 0;
	params.it.inputTimeStamp = stamp;
	params.it.inputBuffer = map->mappedResource;
	params.it.bufferFmt = map->mappedBufferFmt;
	params.it.outputBitstream = s->bitstream;
	params.it.pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
	NVENC("nvEncEncodePicture", s->api.nvEncEncodePicture(s->encoder, &params.it));
	return read_out(s, packet, error);
}

int nvenc_encode(struct nvenc_session *s, int key, uint64_t stamp, struct nvenc_packet *packet,
                 struct nvenc_error *error) {
	if (enter(s, error)) return -1;
	ROOMY(NV_ENC_MAP_INPUT_RESOURCE, map);
	map.it.version = NV_ENC_MAP_INPUT_RESOURCE_VER;
	map.it.registeredResource = s->registered;
	NVENCSTATUS status = s->api.nvEncMapInputResource(s->encoder, &map.it);
	int failed = status ? nvenc_failed(s, error, status, "nvEncMapInputResource")
	                    : encode_mapped(s, &map.it, key, stamp, packet, error);
	if (!status) {
		status = s->api.nvEncUnmapInputResource(s->encoder, map.it.mappedResource);
		if (status && !failed) failed = nvenc_failed(s, error, status, "nvEncUnmapInputResource");
	}
	leave(s);
	return failed;
}

// reconfigure makes the encoder take what is in config and init.
static int reconfigure(struct nvenc_session *s, int reset, struct nvenc_error *error) {
	ROOMY(NV_ENC_RECONFIGURE_PARAMS, params);
	params.it.version = NV_ENC_RECONFIGURE_PARAMS_VER;
	params.it.reInitEncodeParams = s->init.it;
	params.it.resetEncoder = params.it.forceIDR = reset;
	NVENC("nvEncReconfigureEncoder", s->api.nvEncReconfigureEncoder(s->encoder, &params.it));
	return 0;
}

int nvenc_set_rate(struct nvenc_session *s, uint32_t bps, int max_qp, struct nvenc_error *error) {
	if (enter(s, error)) return -1;
	set_rate(s, bps, max_qp);
	int failed = reconfigure(s, 0, error);
	leave(s);
	return failed;
}

int nvenc_resize(struct nvenc_session *s, int width, int height, int *done, struct nvenc_error *error) {
	*done = s->dynamic_size && width <= s->max_width && height <= s->max_height &&
	        width >= s->min_width && height >= s->min_height;
	if (!*done) return 0;
	if (enter(s, error)) return -1;
	detach(s);
	s->width = s->init.it.encodeWidth = s->init.it.darWidth = width;
	s->height = s->init.it.encodeHeight = s->init.it.darHeight = height;
	int failed = reconfigure(s, 1, error) || attach(s, error) ? -1 : 0;
	leave(s);
	return failed;
}

int nvenc_invalidate(struct nvenc_session *s, uint64_t stamp, struct nvenc_error *error) {
	if (enter(s, error)) return -1;
	NVENCSTATUS status = s->api.nvEncInvalidateRefFrames(s->encoder, stamp);
	int failed = status ? nvenc_failed(s, error, status, "nvEncInvalidateRefFrames") : 0;
	leave(s);
	return failed;
}

int nvenc_pin(struct nvenc_session *s, const void *memory, size_t size, struct nvenc_error *error) {
	nvenc_unpin(s);
	if (enter(s, error)) return -1;
	cuda_result result = s->cuda.pin((void *)memory, size, 0);
	leave(s);
	if (result) return cuda_failed(error, result, "cuMemHostRegister");
	s->pinned = memory;
	return 0;
}

void nvenc_unpin(struct nvenc_session *s) {
	struct nvenc_error ignored;
	if (!s->pinned || enter(s, &ignored)) return;
	s->cuda.unpin((void *)s->pinned);
	s->pinned = NULL;
	leave(s);
}
