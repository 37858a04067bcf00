#include "engine.h"
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "../../nvEncodeAPI.h"

enum { RESOURCES = 16, BITSTREAMS = 16, INPUTS = 64 };

struct resource {
	int used, mapped;
	uint8_t *pixels;
	size_t pitch;
	uint32_t width, height;
	NV_ENC_BUFFER_FORMAT format;
	struct fake_memory *memory; // NULL: an input buffer of the encoder's own
	int locked;
};

struct bitstream {
	int used, filled, locked;
	struct engine_packet packet;
	uint64_t stamp;
	uint32_t frame;
};

struct session {
	struct session *next;
	void *context;
	int initialized, frames;
	int excused; // a call was told to fail: what it leaves half done is no fault of the client's
	NV_ENC_INITIALIZE_PARAMS init;
	NV_ENC_CONFIG config;
	struct engine *engine;
	int key; // the next frame is to be an IDR
	int64_t forget; // the oldest invalid frame; -1: none
	struct resource resources[RESOURCES];
	struct bitstream bitstreams[BITSTREAMS];
	char error[160];
};

static struct session *sessions;

static int fail(struct session *s, int status, const char *text) {
	if (s) snprintf(s->error, sizeof s->error, "%s", text);
	return status;
}

#define BROKEN(status, ...) \
	(fake_broken(0, __func__, __VA_ARGS__), fail(s, status, "the fake has been misused"))

#define BEGIN                                                           \
	fake_lock();                                                        \
	int told = fake_told(__func__);                                     \
	if (told > 0) {                                                     \
		if (s_of(encoder)) {                                            \
			fail(s_of(encoder), told, "it was told to fail");           \
			s_of(encoder)->excused = 1;                                 \
		}                                                               \
		fake_unlock();                                                  \
		return told;                                                    \
	}                                                                   \
	struct session *s = s_of(encoder);                                  \
	if (!s) END(BROKEN(NV_ENC_ERR_INVALID_ENCODERDEVICE, "no such session"))
#define INITIALIZED                                                     \
	if (!s->initialized) END(BROKEN(NV_ENC_ERR_ENCODER_NOT_INITIALIZED, "the encoder is not initialized")); \
	if (fake_current() != s->context)                                   \
		END(BROKEN(NV_ENC_ERR_INVALID_DEVICE, "the session's context is not current"))
#define END(value)                                                      \
	do {                                                                \
		NVENCSTATUS result = (value);                                   \
		fake_unlock();                                                  \
		return result;                                                  \
	} while (0)
#define VERSION(params, wanted)                                         \
	if ((params)->version != (wanted))                                  \
		END(BROKEN(NV_ENC_ERR_INVALID_VERSION, "version %08x, want %08x", (params)->version, (wanted)))
#define EMPTY(what)                                                     \
	if (!zero(what, sizeof(what))) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "%s is not empty", #what))

static struct session *s_of(void *encoder) {
	for (struct session *s = sessions; s; s = s->next)
		if (s == encoder) return s;
	return NULL;
}

static int zero(const void *at, size_t size) {
	for (const uint8_t *p = at; size--; p++)
		if (*p) return 0;
	return 1;
}

static int same(GUID a, GUID b) { return !memcmp(&a, &b, sizeof a); }

static int preset_of(GUID preset) {
	const GUID presets[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID,
	                        NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID, NV_ENC_PRESET_P7_GUID};
	for (int i = 0; i < 7; i++)
		if (same(presets[i], preset)) return i + 1;
	return 0;
}

// capability is that of a Turing GPU; its smallest picture is smaller, so that
// suites which begin with 16×16 run.
static int capability(NV_ENC_CAPS which) {
	switch (which) {
	case NV_ENC_CAPS_WIDTH_MAX: return fake_cap("width-max", 4096);
	case NV_ENC_CAPS_HEIGHT_MAX: return fake_cap("height-max", 4096);
	case NV_ENC_CAPS_WIDTH_MIN: return fake_cap("width-min", 1);
	case NV_ENC_CAPS_HEIGHT_MIN: return fake_cap("height-min", 1);
	case NV_ENC_CAPS_SUPPORT_YUV444_ENCODE: return fake_cap("yuv444", 1);
	case NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE: return fake_cap("resize", 1);
	case NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE: return 1;
	case NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE: return fake_cap("vbv", 1);
	case NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION: return fake_cap("invalidation", 1);
	case NV_ENC_CAPS_LEVEL_MAX: return fake_cap("level-max", 62);
	case NV_ENC_CAPS_LEVEL_MIN: return 10;
	case NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES: return 63;
	case NV_ENC_CAPS_SUPPORT_CABAC:
	case NV_ENC_CAPS_SUPPORT_ADAPTIVE_TRANSFORM:
	case NV_ENC_CAPS_SUPPORT_LOOKAHEAD:
	case NV_ENC_CAPS_SUPPORT_TEMPORAL_AQ: return 1;
	case NV_ENC_CAPS_NUM_MAX_BFRAMES: return 4;
	case NV_ENC_CAPS_MB_NUM_MAX: return 65536;
	case NV_ENC_CAPS_MB_PER_SEC_MAX: return 983040;
	case NV_ENC_CAPS_NUM_ENCODER_ENGINES: return 1;
	default: return 0;
	}
}

static NVENCSTATUS nvEncOpenEncodeSessionEx(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *p, void **encoder) {
	struct session *s = NULL;
	fake_lock();
	int told = fake_told(__func__);
	if (told > 0) END(told);
	VERSION(p, NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER);
	if (p->apiVersion != NVENCAPI_VERSION) END(BROKEN(NV_ENC_ERR_INVALID_VERSION, "API version %08x", p->apiVersion));
	if (p->deviceType != NV_ENC_DEVICE_TYPE_CUDA) END(BROKEN(NV_ENC_ERR_UNSUPPORTED_DEVICE, "device type %d", p->deviceType));
	if (!fake_is_context(p->device)) END(BROKEN(NV_ENC_ERR_INVALID_ENCODERDEVICE, "the device is no context"));
	EMPTY(p->reserved1);
	const char *limit = getenv("FAKEDRIVER_SESSIONS");
	if (limit && *limit && fake_stats()->sessions >= atoi(limit)) END(NV_ENC_ERR_OUT_OF_MEMORY);
	if (told == FAKE_GARBAGE) {
		*encoder = NULL;
		END(NV_ENC_SUCCESS);
	}
	s = calloc(1, sizeof *s);
	s->context = p->device, s->forget = -1, s->next = sessions;
	sessions = s;
	fake_stats()->sessions++;
	*encoder = s;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncDestroyEncoder(void *encoder) {
	BEGIN;
	int resources = 0, mapped = 0, bitstreams = 0, locked = 0;
	for (int i = 0; i < RESOURCES; i++) resources += s->resources[i].used, mapped += s->resources[i].mapped;
	for (int i = 0; i < BITSTREAMS; i++) {
		bitstreams += s->bitstreams[i].used, locked += s->bitstreams[i].locked;
		free(s->bitstreams[i].packet.data);
	}
	if (mapped) fake_broken(0, __func__, "%d inputs are still mapped", mapped);
	if (resources) fake_broken(0, __func__, "%d inputs are left", resources);
	if (locked) fake_broken(0, __func__, "%d bitstreams are still locked", locked);
	if (bitstreams) fake_broken(0, __func__, "%d bitstreams are left", bitstreams);
	engine_close(s->engine);
	for (struct session **at = &sessions; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	free(s);
	fake_stats()->sessions--;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodeGUIDCount(void *encoder, uint32_t *count) {
	BEGIN;
	*count = told == FAKE_GARBAGE ? 0x7fffffff : fake_cap("h264", 1);
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodeGUIDs(void *encoder, GUID *guids, uint32_t size, uint32_t *count) {
	BEGIN;
	*count = told == FAKE_GARBAGE ? 0x7fffffff : 1;
	if (size > 0) guids[0] = NV_ENC_CODEC_H264_GUID;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodeProfileGUIDCount(void *encoder, GUID codec, uint32_t *count) {
	BEGIN;
	(void)codec;
	*count = 2;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodeProfileGUIDs(void *encoder, GUID codec, GUID *guids, uint32_t size, uint32_t *count) {
	BEGIN;
	(void)codec;
	const GUID all[] = {NV_ENC_H264_PROFILE_HIGH_GUID, NV_ENC_H264_PROFILE_HIGH_444_GUID};
	for (*count = 0; *count < 2 && *count < size; ++*count) guids[*count] = all[*count];
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetInputFormatCount(void *encoder, GUID codec, uint32_t *count) {
	BEGIN;
	(void)codec;
	*count = 3;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetInputFormats(void *encoder, GUID codec, NV_ENC_BUFFER_FORMAT *formats, uint32_t size, uint32_t *count) {
	BEGIN;
	(void)codec;
	const NV_ENC_BUFFER_FORMAT all[] = {NV_ENC_BUFFER_FORMAT_ARGB, NV_ENC_BUFFER_FORMAT_NV12, NV_ENC_BUFFER_FORMAT_IYUV};
	for (*count = 0; *count < 3 && *count < size; ++*count) formats[*count] = all[*count];
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodeCaps(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *p, int *value) {
	BEGIN;
	VERSION(p, NV_ENC_CAPS_PARAM_VER);
	EMPTY(p->reserved);
	if (!same(codec, NV_ENC_CODEC_H264_GUID)) END(NV_ENC_ERR_UNSUPPORTED_PARAM);
	*value = told == FAKE_GARBAGE ? -1234567 : capability(p->capsToQuery);
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodePresetCount(void *encoder, GUID codec, uint32_t *count) {
	BEGIN;
	(void)codec;
	*count = 7;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodePresetGUIDs(void *encoder, GUID codec, GUID *guids, uint32_t size, uint32_t *count) {
	BEGIN;
	(void)codec;
	const GUID all[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID,
	                    NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID, NV_ENC_PRESET_P7_GUID};
	for (*count = 0; *count < 7 && *count < size; ++*count) guids[*count] = all[*count];
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetEncodePresetConfigEx(void *encoder, GUID codec, GUID preset, NV_ENC_TUNING_INFO tuning,
                                                NV_ENC_PRESET_CONFIG *p) {
	BEGIN;
	VERSION(p, NV_ENC_PRESET_CONFIG_VER);
	VERSION(&p->presetCfg, NV_ENC_CONFIG_VER);
	if (!same(codec, NV_ENC_CODEC_H264_GUID) || !preset_of(preset) || tuning == NV_ENC_TUNING_INFO_UNDEFINED)
		END(BROKEN(NV_ENC_ERR_UNSUPPORTED_PARAM, "no such codec, preset or tuning"));
	NV_ENC_CONFIG *c = &p->presetCfg;
	memset(c, 0, sizeof *c);
	c->version = NV_ENC_CONFIG_VER;
	c->profileGUID = NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID;
	c->gopLength = 250, c->frameIntervalP = 1;
	c->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
	c->rcParams.version = NV_ENC_RC_PARAMS_VER;
	c->rcParams.averageBitRate = 5000000;
	c->encodeCodecConfig.h264Config.idrPeriod = 250;
	c->encodeCodecConfig.h264Config.chromaFormatIDC = 1;
	c->encodeCodecConfig.h264Config.adaptiveTransformMode = NV_ENC_H264_ADAPTIVE_TRANSFORM_ENABLE;
	END(NV_ENC_SUCCESS);
}

// settings says in the engine's words what the client has asked for.
static struct engine_settings settings(const NV_ENC_INITIALIZE_PARAMS *p, const NV_ENC_CONFIG *c) {
	const NV_ENC_CONFIG_H264 *h = &c->encodeCodecConfig.h264Config;
	const NV_ENC_CONFIG_H264_VUI_PARAMETERS *v = &h->h264VUIParameters;
	return (struct engine_settings){
	    .width = p->encodeWidth, .height = p->encodeHeight, .fps_num = p->frameRateNum, .fps_den = p->frameRateDen,
	    .full_colour = h->chromaFormatIDC == 3,
	    .high = !same(c->profileGUID, NV_ENC_H264_PROFILE_BASELINE_GUID) && !same(c->profileGUID, NV_ENC_H264_PROFILE_MAIN_GUID),
	    .cabac = h->entropyCodingMode != NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC,
	    .level = h->level, .references = h->maxNumRefFrames, .preset = preset_of(p->presetGUID),
	    .min_qp = c->rcParams.enableMinQP ? c->rcParams.minQP.qpInterP : 0,
	    .max_qp = c->rcParams.enableMaxQP ? c->rcParams.maxQP.qpInterP : 0,
	    .constant_qp = c->rcParams.rateControlMode == NV_ENC_PARAMS_RC_CONSTQP ? c->rcParams.constQP.qpInterP : 0,
	    .chroma_offset = c->rcParams.cbQPIndexOffset,
	    .bps = c->rcParams.averageBitRate, .vbv_bits = c->rcParams.vbvBufferSize,
	    .gop = c->gopLength == NVENC_INFINITE_GOPLENGTH ? 0 : c->gopLength,
	    .colour = v->videoSignalTypePresentFlag && v->colourDescriptionPresentFlag, .full_range = v->videoFullRangeFlag,
	    .primaries = v->colourPrimaries, .transfer = v->transferCharacteristics, .matrix = v->colourMatrix,
	    .repeat_headers = !h->disableSPSPPS,
	};
}

// unfit says what is wrong with a configuration, NULL if nothing is.
static const char *unfit(const NV_ENC_INITIALIZE_PARAMS *p, const NV_ENC_CONFIG *c) {
	if (!same(p->encodeGUID, NV_ENC_CODEC_H264_GUID)) return "the codec is not H.264";
	if (!preset_of(p->presetGUID)) return "no such preset";
	if (p->tuningInfo == NV_ENC_TUNING_INFO_UNDEFINED) return "no tuning";
	if (p->enableEncodeAsync) return "asynchronous encoding, which only Windows has";
	if (!p->frameRateNum || !p->frameRateDen) return "no frame rate";
	if ((p->encodeWidth % 2 || p->encodeHeight % 2) && c->encodeCodecConfig.h264Config.chromaFormatIDC != 3)
		return "an odd size";
	if ((int)p->encodeWidth > capability(NV_ENC_CAPS_WIDTH_MAX) || (int)p->encodeHeight > capability(NV_ENC_CAPS_HEIGHT_MAX) ||
	    (int)p->encodeWidth < capability(NV_ENC_CAPS_WIDTH_MIN) || (int)p->encodeHeight < capability(NV_ENC_CAPS_HEIGHT_MIN))
		return "a size that the GPU does not have";
	if (p->maxEncodeWidth && (p->encodeWidth > p->maxEncodeWidth || p->encodeHeight > p->maxEncodeHeight))
		return "a size beyond the largest";
	if (c->frameIntervalP != 1) return "B-frames";
	if (c->rcParams.enableLookahead) return "lookahead";
	if (c->encodeCodecConfig.h264Config.chromaFormatIDC == 3 &&
	    !same(c->profileGUID, NV_ENC_H264_PROFILE_HIGH_444_GUID)) return "4:4:4 in another profile";
	if (c->encodeCodecConfig.h264Config.sliceMode == 1) return "slices by size, which new drivers do not have";
	return NULL;
}

static NVENCSTATUS nvEncInitializeEncoder(void *encoder, NV_ENC_INITIALIZE_PARAMS *p) {
	BEGIN;
	VERSION(p, NV_ENC_INITIALIZE_PARAMS_VER);
	if (s->initialized) END(BROKEN(NV_ENC_ERR_INVALID_CALL, "the encoder is initialized already"));
	if (!p->encodeConfig) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "no configuration"));
	VERSION(p->encodeConfig, NV_ENC_CONFIG_VER);
	EMPTY(p->reserved);
	if (unfit(p, p->encodeConfig)) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "%s", unfit(p, p->encodeConfig)));
	int room = fake_cap("memory", 0);
	if (room && (int)p->maxEncodeWidth > room) END(fail(s, NV_ENC_ERR_OUT_OF_MEMORY, "too little memory"));
	s->init = *p;
	s->config = *p->encodeConfig;
	struct engine_settings wanted = settings(p, &s->config);
	s->engine = engine_open(&wanted);
	if (!s->engine) END(fail(s, NV_ENC_ERR_GENERIC, "x264 does not open"));
	s->initialized = 1;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncReconfigureEncoder(void *encoder, NV_ENC_RECONFIGURE_PARAMS *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_RECONFIGURE_PARAMS_VER);
	NV_ENC_INITIALIZE_PARAMS *init = &p->reInitEncodeParams;
	VERSION(init, NV_ENC_INITIALIZE_PARAMS_VER);
	const NV_ENC_CONFIG *c = init->encodeConfig ? init->encodeConfig : &s->config;
	int resized = init->encodeWidth != s->init.encodeWidth || init->encodeHeight != s->init.encodeHeight;
	if (unfit(init, c)) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "%s", unfit(init, c)));
	if (c->gopLength != s->config.gopLength || init->enablePTD != s->init.enablePTD)
		END(BROKEN(NV_ENC_ERR_UNSUPPORTED_PARAM, "the structure of the GOP changes"));
	if (init->maxEncodeWidth != s->init.maxEncodeWidth || init->maxEncodeHeight != s->init.maxEncodeHeight)
		END(BROKEN(NV_ENC_ERR_UNSUPPORTED_PARAM, "the largest size changes"));
	if (resized && (!s->init.maxEncodeWidth || !p->resetEncoder || !p->forceIDR))
		END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "another size without a reset"));
	s->init = *init;
	s->config = *c;
	s->key |= p->forceIDR;
	struct engine_settings wanted = settings(init, &s->config);
	if (!resized) END(engine_rate(s->engine, &wanted) ? NV_ENC_ERR_GENERIC : NV_ENC_SUCCESS);
	engine_close(s->engine);
	s->engine = engine_open(&wanted);
	s->initialized = s->engine != NULL;
	END(s->engine ? NV_ENC_SUCCESS : NV_ENC_ERR_GENERIC);
}

static struct resource *new_resource(struct session *s) {
	for (int i = 0; i < RESOURCES; i++)
		if (!s->resources[i].used) {
			s->resources[i] = (struct resource){.used = 1};
			fake_stats()->resources++;
			return &s->resources[i];
		}
	return NULL;
}

static struct resource *resource_of(struct session *s, const void *handle) {
	for (int i = 0; i < RESOURCES; i++)
		if (&s->resources[i] == handle && s->resources[i].used) return &s->resources[i];
	return NULL;
}

// mapped_of finds a resource by its mapping, which is another pointer.
static struct resource *mapped_of(struct session *s, const void *handle) {
	struct resource *r = resource_of(s, (const char *)handle - 1);
	return r && r->mapped ? r : NULL;
}

static NVENCSTATUS nvEncRegisterResource(void *encoder, NV_ENC_REGISTER_RESOURCE *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_REGISTER_RESOURCE_VER);
	EMPTY(p->reserved1);
	if (p->resourceType != NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR || p->bufferUsage != NV_ENC_INPUT_IMAGE)
		END(BROKEN(NV_ENC_ERR_UNSUPPORTED_PARAM, "resource type %d for %d", p->resourceType, p->bufferUsage));
	struct fake_memory *m = fake_memory_at((uintptr_t)p->resourceToRegister);
	if (!m) END(BROKEN(NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "no memory of the device"));
	int argb = p->bufferFormat == NV_ENC_BUFFER_FORMAT_ARGB;
	if (!argb && p->bufferFormat != NV_ENC_BUFFER_FORMAT_NV12)
		END(BROKEN(NV_ENC_ERR_UNSUPPORTED_PARAM, "buffer format %x", p->bufferFormat));
	if (p->pitch % 4 || p->pitch != m->pitch || p->width * (argb ? 4 : 1) > m->width || p->height > m->height)
		END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "%u×%u at pitch %u in memory of %zu×%zu at %zu", p->width, p->height, p->pitch,
		           m->width, m->height, m->pitch));
	struct resource *r = new_resource(s);
	if (!r) END(NV_ENC_ERR_OUT_OF_MEMORY);
	r->pixels = m->at, r->pitch = m->pitch, r->width = p->width, r->height = p->height, r->format = p->bufferFormat;
	r->memory = m;
	m->registered++;
	p->registeredResource = r;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncUnregisterResource(void *encoder, NV_ENC_REGISTERED_PTR handle) {
	BEGIN;
	INITIALIZED;
	struct resource *r = resource_of(s, handle);
	if (!r || !r->memory) END(BROKEN(NV_ENC_ERR_RESOURCE_NOT_REGISTERED, "no such resource"));
	if (r->mapped) BROKEN(0, "the resource is mapped");
	r->memory->registered--;
	r->used = 0;
	fake_stats()->resources--;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncMapInputResource(void *encoder, NV_ENC_MAP_INPUT_RESOURCE *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_MAP_INPUT_RESOURCE_VER);
	struct resource *r = resource_of(s, p->registeredResource);
	if (!r) END(BROKEN(NV_ENC_ERR_RESOURCE_NOT_REGISTERED, "no such resource"));
	if (r->mapped) END(BROKEN(NV_ENC_ERR_MAP_FAILED, "the resource is mapped already"));
	r->mapped = 1;
	p->mappedResource = (char *)r + 1;
	p->mappedBufferFmt = r->format;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncUnmapInputResource(void *encoder, NV_ENC_INPUT_PTR handle) {
	BEGIN;
	INITIALIZED;
	struct resource *r = mapped_of(s, handle);
	if (!r) END(BROKEN(NV_ENC_ERR_RESOURCE_NOT_MAPPED, "no such mapping"));
	for (int i = 0; i < BITSTREAMS; i++)
		if (s->bitstreams[i].filled == 1 && !s->excused) BROKEN(0, "the packet has not been waited for");
	r->mapped = 0;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncCreateInputBuffer(void *encoder, NV_ENC_CREATE_INPUT_BUFFER *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_CREATE_INPUT_BUFFER_VER);
	struct resource *r = new_resource(s);
	if (!r) END(NV_ENC_ERR_OUT_OF_MEMORY);
	size_t size = p->bufferFmt == NV_ENC_BUFFER_FORMAT_ARGB ? 4 : 1;
	r->pitch = (p->width * size + 63) & ~(size_t)63, r->width = p->width, r->height = p->height, r->format = p->bufferFmt;
	r->pixels = calloc(2 * r->height, r->pitch);
	p->inputBuffer = r;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncDestroyInputBuffer(void *encoder, NV_ENC_INPUT_PTR handle) {
	BEGIN;
	struct resource *r = resource_of(s, handle);
	if (!r || r->memory) END(BROKEN(NV_ENC_ERR_INVALID_PTR, "no such input buffer"));
	free(r->pixels);
	r->used = 0;
	fake_stats()->resources--;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncLockInputBuffer(void *encoder, NV_ENC_LOCK_INPUT_BUFFER *p) {
	BEGIN;
	VERSION(p, NV_ENC_LOCK_INPUT_BUFFER_VER);
	struct resource *r = resource_of(s, p->inputBuffer);
	if (!r || r->memory || r->locked) END(BROKEN(NV_ENC_ERR_LOCK_BUSY, "no such input buffer, or it is locked"));
	r->locked = 1;
	p->bufferDataPtr = r->pixels, p->pitch = r->pitch;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncUnlockInputBuffer(void *encoder, NV_ENC_INPUT_PTR handle) {
	BEGIN;
	struct resource *r = resource_of(s, handle);
	if (!r || !r->locked) END(BROKEN(NV_ENC_ERR_INVALID_CALL, "no such input buffer, or it is not locked"));
	r->locked = 0;
	END(NV_ENC_SUCCESS);
}

static struct bitstream *bitstream_of(struct session *s, const void *handle) {
	for (int i = 0; i < BITSTREAMS; i++)
		if (&s->bitstreams[i] == handle && s->bitstreams[i].used) return &s->bitstreams[i];
	return NULL;
}

static NVENCSTATUS nvEncCreateBitstreamBuffer(void *encoder, NV_ENC_CREATE_BITSTREAM_BUFFER *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_CREATE_BITSTREAM_BUFFER_VER);
	for (int i = 0; i < BITSTREAMS; i++) {
		struct bitstream *b = &s->bitstreams[i];
		if (b->used) continue;
		b->used = 1;
		fake_stats()->bitstreams++;
		p->bitstreamBuffer = b;
		END(NV_ENC_SUCCESS);
	}
	END(NV_ENC_ERR_OUT_OF_MEMORY);
}

static NVENCSTATUS nvEncDestroyBitstreamBuffer(void *encoder, NV_ENC_OUTPUT_PTR handle) {
	BEGIN;
	INITIALIZED;
	struct bitstream *b = bitstream_of(s, handle);
	if (!b) END(BROKEN(NV_ENC_ERR_INVALID_PTR, "no such bitstream"));
	if (b->locked) BROKEN(0, "the bitstream is locked");
	free(b->packet.data);
	memset(b, 0, sizeof *b);
	fake_stats()->bitstreams--;
	END(NV_ENC_SUCCESS);
}

static enum engine_format format_of(const struct resource *r) {
	switch (r->format) {
	case NV_ENC_BUFFER_FORMAT_ARGB: return ENGINE_ARGB;
	case NV_ENC_BUFFER_FORMAT_NV12: return ENGINE_NV12;
	default: return ENGINE_I420;
	}
}

static NVENCSTATUS nvEncEncodePicture(void *encoder, NV_ENC_PIC_PARAMS *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_PIC_PARAMS_VER);
	EMPTY(p->reserved1);
	if (p->encodePicFlags & NV_ENC_PIC_FLAG_EOS) END(NV_ENC_SUCCESS);
	struct resource *r = mapped_of(s, p->inputBuffer);
	if (!r) r = resource_of(s, p->inputBuffer);
	if (!r || (r->memory && !r->mapped)) END(BROKEN(NV_ENC_ERR_RESOURCE_NOT_MAPPED, "the input is not mapped"));
	if (r->locked) END(BROKEN(NV_ENC_ERR_LOCK_BUSY, "the input is locked"));
	if (p->inputWidth != s->init.encodeWidth || p->inputHeight != s->init.encodeHeight || r->width < p->inputWidth ||
	    r->height < p->inputHeight)
		END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "a picture of %u×%u in an input of %u×%u for an encoder of %u×%u", p->inputWidth,
		           p->inputHeight, r->width, r->height, s->init.encodeWidth, s->init.encodeHeight));
	if (p->bufferFmt != r->format) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "format %x of an input of %x", p->bufferFmt, r->format));
	if (p->pictureStruct != NV_ENC_PIC_STRUCT_FRAME) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "no frame"));
	struct bitstream *b = bitstream_of(s, p->outputBitstream);
	if (!b) END(BROKEN(NV_ENC_ERR_INVALID_PTR, "no such bitstream"));
	if (b->locked || b->filled == 1) END(BROKEN(NV_ENC_ERR_LOCK_BUSY, "the bitstream is locked, or has not been read"));
	int key = s->key || (p->encodePicFlags & (NV_ENC_PIC_FLAG_FORCEIDR | NV_ENC_PIC_FLAG_FORCEINTRA));
	if (s->forget >= 0 && !key) engine_forget(s->engine, s->forget);
	s->key = 0, s->forget = -1;
	uint64_t began = fake_now(), wall = fake_wall();
	int failed = engine_encode(s->engine, r->pixels, r->pitch, format_of(r), key, s->frames, &b->packet);
	fake_stats()->encode_ns += fake_now() - began;
	fake_stats()->wall_ns += fake_wall() - wall;
	fake_stats()->encoded++;
	if (failed) END(fail(s, NV_ENC_ERR_GENERIC, "x264 does not encode"));
	b->filled = 1, b->stamp = p->inputTimeStamp, b->frame = s->frames++;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncLockBitstream(void *encoder, NV_ENC_LOCK_BITSTREAM *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_LOCK_BITSTREAM_VER);
	EMPTY(p->reserved1);
	struct bitstream *b = bitstream_of(s, p->outputBitstream);
	if (!b) END(BROKEN(NV_ENC_ERR_INVALID_PTR, "no such bitstream"));
	if (b->locked) END(BROKEN(NV_ENC_ERR_LOCK_BUSY, "the bitstream is locked already"));
	if (!b->filled) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "nothing has been encoded"));
	b->locked = 1, b->filled = 2;
	p->bitstreamBufferPtr = b->packet.data;
	p->bitstreamSizeInBytes = told == FAKE_GARBAGE ? 0xfffffff0 : b->packet.size;
	p->pictureType = b->packet.key ? NV_ENC_PIC_TYPE_IDR : NV_ENC_PIC_TYPE_P;
	p->pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
	p->frameAvgQP = b->packet.qp;
	p->frameIdx = b->frame;
	p->outputTimeStamp = b->stamp;
	p->numSlices = 1;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncUnlockBitstream(void *encoder, NV_ENC_OUTPUT_PTR handle) {
	BEGIN;
	INITIALIZED;
	struct bitstream *b = bitstream_of(s, handle);
	if (!b || !b->locked) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "no such bitstream, or it is not locked"));
	b->locked = b->filled = 0;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncInvalidateRefFrames(void *encoder, uint64_t stamp) {
	BEGIN;
	INITIALIZED;
	// The stamps of a session count its frames from 1, as far as the fake knows.
	int64_t frame = (int64_t)stamp - 1;
	if (frame < 0 || frame >= s->frames) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "no frame %llu", (unsigned long long)stamp));
	if (s->forget < 0 || frame < s->forget) s->forget = frame;
	END(NV_ENC_SUCCESS);
}

static NVENCSTATUS nvEncGetSequenceParams(void *encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER);
	*p->outSPSPPSPayloadSize = engine_headers(s->engine, p->spsppsBuffer, p->inBufferSize);
	END(*p->outSPSPPSPayloadSize ? NV_ENC_SUCCESS : NV_ENC_ERR_NOT_ENOUGH_BUFFER);
}

static NVENCSTATUS nvEncSetIOCudaStreams(void *encoder, NV_ENC_CUSTREAM_PTR in, NV_ENC_CUSTREAM_PTR out) {
	(void)encoder, (void)in, (void)out;
	return NV_ENC_SUCCESS;
}

static const char *nvEncGetLastErrorString(void *encoder) {
	fake_lock();
	struct session *s = s_of(encoder);
	fake_unlock();
	return s ? s->error : "no such session";
}

static NVENCSTATUS unimplemented(void) { return NV_ENC_ERR_UNIMPLEMENTED; }

NVENCSTATUS NvEncodeAPIGetMaxSupportedVersion(uint32_t *version) {
	fake_lock();
	int told = fake_told(__func__);
	if (told > 0) END(told);
	const char *api = getenv("FAKEDRIVER_API");
	*version = api && *api ? strtoul(api, NULL, 16) : 0xd0;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *l) {
	struct session *s = NULL;
	fake_lock();
	int told = fake_told(__func__);
	if (told > 0) END(told);
	VERSION(l, NV_ENCODE_API_FUNCTION_LIST_VER);
	if (told == FAKE_GARBAGE) END(NV_ENC_SUCCESS); // and nothing is filled in
	for (void **f = (void **)&l->nvEncOpenEncodeSession; f <= (void **)&l->nvEncGetSequenceParamEx; f++)
		*f = (void *)unimplemented; // a missing one is a jump to zero
#define ENTRY(name) l->name = name
	ENTRY(nvEncOpenEncodeSessionEx);
	ENTRY(nvEncDestroyEncoder);
	ENTRY(nvEncGetEncodeGUIDCount);
	ENTRY(nvEncGetEncodeGUIDs);
	ENTRY(nvEncGetEncodeProfileGUIDCount);
	ENTRY(nvEncGetEncodeProfileGUIDs);
	ENTRY(nvEncGetInputFormatCount);
	ENTRY(nvEncGetInputFormats);
	ENTRY(nvEncGetEncodeCaps);
	ENTRY(nvEncGetEncodePresetCount);
	ENTRY(nvEncGetEncodePresetGUIDs);
	ENTRY(nvEncGetEncodePresetConfigEx);
	ENTRY(nvEncInitializeEncoder);
	ENTRY(nvEncReconfigureEncoder);
	ENTRY(nvEncRegisterResource);
	ENTRY(nvEncUnregisterResource);
	ENTRY(nvEncMapInputResource);
	ENTRY(nvEncUnmapInputResource);
	ENTRY(nvEncCreateInputBuffer);
	ENTRY(nvEncDestroyInputBuffer);
	ENTRY(nvEncLockInputBuffer);
	ENTRY(nvEncUnlockInputBuffer);
	ENTRY(nvEncCreateBitstreamBuffer);
	ENTRY(nvEncDestroyBitstreamBuffer);
	ENTRY(nvEncEncodePicture);
	ENTRY(nvEncLockBitstream);
	ENTRY(nvEncUnlockBitstream);
	ENTRY(nvEncInvalidateRefFrames);
	ENTRY(nvEncGetSequenceParams);
	ENTRY(nvEncSetIOCudaStreams);
	ENTRY(nvEncGetLastErrorString);
	END(NV_ENC_SUCCESS);
}
