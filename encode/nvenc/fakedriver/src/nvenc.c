#define _GNU_SOURCE
#include "nvenc.h"

#include <dlfcn.h>
#include <sys/ioctl.h>

static struct session *sessions;

int fail(struct session *s, int status, const char *text) {
	if (s) snprintf(s->error, sizeof s->error, "%s", text);
	return status;
}

struct session *s_of(void *encoder) {
	for (struct session *s = sessions; s; s = s->next)
		if (s == encoder) return s;
	return NULL;
}

int zero(const void *at, size_t size) {
	for (const uint8_t *p = at; size--; p++)
		if (*p) return 0;
	return 1;
}

int same(GUID a, GUID b) { return !memcmp(&a, &b, sizeof a); }

// The kernel's module, of a host with GPUs at 0000:01, 02... as many as
// FAKEDRIVER_HOST says: it answers which are attached (NVOS54_PARAMETERS,
// NV0000_CTRL_CMD_GPU_GET_ATTACHED_IDS).
struct control {
	uint32_t client, object, command, flags;
	uint64_t params;
	uint32_t params_size, status;
};

enum { ATTACHED = 0x201, PROBED = 0x214, IDS = 32, NO_FILE = -2 };

static int host(void) { return atoi(getenv("FAKEDRIVER_HOST")); }

// kernel refuses with the status that the flags say, and knows no NO_FILE.
static int kernel(int fd, unsigned long request, void *argument) {
	(void)request;
	struct control *control = argument;
	uint32_t *ids = (uint32_t *)(uintptr_t)control->params;
	for (int i = 0; ids && i < IDS; i++) ids[i] = i < host() ? (uint32_t)(i + 1) << 8 : 0xffffffff;
	control->status = control->flags;
	return fd == NO_FILE ? -1 : 0;
}

// count asks which GPUs there are, and returns how many.
static int count(int fd, unsigned long request, struct control control) {
	uint32_t ids[IDS] = {0};
	control.params = (uintptr_t)ids;
	ioctl(fd, request, &control);
	int n = 0;
	for (int i = 0; i < IDS; i++) n += ids[i] == (uint32_t)(i + 1) << 8;
	return n;
}

// meddled says whether somebody has changed the answer to another question.
static int meddled(void) {
	const unsigned long request = _IOWR('F', 0x2a, struct control);
	const struct control attached = {.command = ATTACHED, .params_size = 4 * IDS};
	struct control probed = attached, refused = attached, small = attached, nothing = attached;
	probed.command = PROBED, refused.flags = 1, small.params_size = 4;
	ioctl(-1, request, &nothing); // without room for an answer
	return count(-1, request, probed) != host() || count(-1, request, refused) != host() ||
	       count(-1, request, small) != host() || count(NO_FILE, request, attached) != host() ||
	       count(-1, _IOWR('F', 0x2b, struct control), attached) != host() ||
	       count(-1, _IOWR('G', 0x2a, struct control), attached) != host() ||
	       count(-1, _IOWR('F', 0x2a, char[48]), attached) != host();
}

// alone says whether the driver sees one GPU only: it opens no other.
static int alone(void) {
	void (*replace)(int (*)(int, unsigned long, void *));
	*(void **)&replace = dlsym(RTLD_DEFAULT, "nvenc_filter_kernel");
	if (replace) replace(kernel);
	int seen = count(-1, _IOWR('F', 0x2a, struct control), (struct control){.command = ATTACHED, .params_size = 4 * IDS});
	if (meddled()) fake_broken(0, "ioctl", "an answer to another question has been changed");
	if (replace) replace(NULL);
	return seen == 1;
}

NVENCSTATUS nvEncOpenEncodeSessionEx(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *p, void **encoder) {
	struct session *s = NULL;
	fake_lock();
	int told = fake_told(__func__);
	if (told > 0) END(told);
	VERSION(p, NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER);
	if (p->apiVersion != NVENCAPI_VERSION) END(BROKEN(NV_ENC_ERR_INVALID_VERSION, "API version %08x", p->apiVersion));
	if (p->deviceType != NV_ENC_DEVICE_TYPE_CUDA) END(BROKEN(NV_ENC_ERR_UNSUPPORTED_DEVICE, "device type %d", p->deviceType));
	if (!fake_is_context(p->device)) END(BROKEN(NV_ENC_ERR_INVALID_ENCODERDEVICE, "the device is no context"));
	EMPTY(p->reserved1);
	const char *host = getenv("FAKEDRIVER_HOST");
	if (host && *host && !alone()) END(NV_ENC_ERR_UNSUPPORTED_DEVICE);
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

NVENCSTATUS nvEncDestroyEncoder(void *encoder) {
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

NVENCSTATUS nvEncInitializeEncoder(void *encoder, NV_ENC_INITIALIZE_PARAMS *p) {
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

NVENCSTATUS nvEncReconfigureEncoder(void *encoder, NV_ENC_RECONFIGURE_PARAMS *p) {
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

NVENCSTATUS nvEncGetSequenceParams(void *encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD *p) {
	BEGIN;
	INITIALIZED;
	VERSION(p, NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER);
	*p->outSPSPPSPayloadSize = engine_headers(s->engine, p->spsppsBuffer, p->inBufferSize);
	END(*p->outSPSPPSPayloadSize ? NV_ENC_SUCCESS : NV_ENC_ERR_NOT_ENOUGH_BUFFER);
}

NVENCSTATUS nvEncSetIOCudaStreams(void *encoder, NV_ENC_CUSTREAM_PTR in, NV_ENC_CUSTREAM_PTR out) {
	(void)encoder, (void)in, (void)out;
	return NV_ENC_SUCCESS;
}

const char *nvEncGetLastErrorString(void *encoder) {
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
