#include "nvenc.h"

// What a client asks about the GPU.

int preset_of(GUID preset) {
	const GUID presets[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID,
	                        NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID, NV_ENC_PRESET_P7_GUID};
	for (int i = 0; i < 7; i++)
		if (same(presets[i], preset)) return i + 1;
	return 0;
}

// capability is that of a Turing GPU; its smallest picture is smaller, so that
// suites which begin with 16×16 run.
int capability(NV_ENC_CAPS which) {
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

NVENCSTATUS nvEncGetEncodeGUIDCount(void *encoder, uint32_t *count) {
	BEGIN;
	*count = told == FAKE_GARBAGE ? 0x7fffffff : fake_cap("h264", 1);
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodeGUIDs(void *encoder, GUID *guids, uint32_t size, uint32_t *count) {
	BEGIN;
	*count = told == FAKE_GARBAGE ? 0x7fffffff : 1;
	if (size > 0) guids[0] = NV_ENC_CODEC_H264_GUID;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodeProfileGUIDCount(void *encoder, GUID codec, uint32_t *count) {
	BEGIN;
	(void)codec;
	*count = 2;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodeProfileGUIDs(void *encoder, GUID codec, GUID *guids, uint32_t size, uint32_t *count) {
	BEGIN;
	(void)codec;
	const GUID all[] = {NV_ENC_H264_PROFILE_HIGH_GUID, NV_ENC_H264_PROFILE_HIGH_444_GUID};
	for (*count = 0; *count < 2 && *count < size; ++*count) guids[*count] = all[*count];
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetInputFormatCount(void *encoder, GUID codec, uint32_t *count) {
	BEGIN;
	(void)codec;
	*count = 3;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetInputFormats(void *encoder, GUID codec, NV_ENC_BUFFER_FORMAT *formats, uint32_t size, uint32_t *count) {
	BEGIN;
	(void)codec;
	const NV_ENC_BUFFER_FORMAT all[] = {NV_ENC_BUFFER_FORMAT_ARGB, NV_ENC_BUFFER_FORMAT_NV12, NV_ENC_BUFFER_FORMAT_IYUV};
	for (*count = 0; *count < 3 && *count < size; ++*count) formats[*count] = all[*count];
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodeCaps(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *p, int *value) {
	BEGIN;
	VERSION(p, NV_ENC_CAPS_PARAM_VER);
	EMPTY(p->reserved);
	if (!same(codec, NV_ENC_CODEC_H264_GUID)) END(NV_ENC_ERR_UNSUPPORTED_PARAM);
	*value = told == FAKE_GARBAGE ? -1234567 : capability(p->capsToQuery);
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodePresetCount(void *encoder, GUID codec, uint32_t *count) {
	BEGIN;
	(void)codec;
	*count = 7;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodePresetGUIDs(void *encoder, GUID codec, GUID *guids, uint32_t size, uint32_t *count) {
	BEGIN;
	(void)codec;
	const GUID all[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID,
	                    NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID, NV_ENC_PRESET_P7_GUID};
	for (*count = 0; *count < 7 && *count < size; ++*count) guids[*count] = all[*count];
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncGetEncodePresetConfigEx(void *encoder, GUID codec, GUID preset, NV_ENC_TUNING_INFO tuning,
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
