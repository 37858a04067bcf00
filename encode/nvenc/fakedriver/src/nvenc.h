// The encoder's half, shared by its files.
#ifndef NVENC_H
#define NVENC_H

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

// s_of returns the session of a handle, NULL if there is none.
struct session *s_of(void *encoder);
int fail(struct session *s, int status, const char *text);
int zero(const void *at, size_t size);
int same(GUID a, GUID b);
int preset_of(GUID preset);          // 1 to 7; 0: no such preset
int capability(NV_ENC_CAPS which);

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

// The API, which NvEncodeAPICreateInstance hands out.
NVENCSTATUS nvEncOpenEncodeSessionEx(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *p, void **encoder);
NVENCSTATUS nvEncDestroyEncoder(void *encoder);
NVENCSTATUS nvEncGetEncodeGUIDCount(void *encoder, uint32_t *count);
NVENCSTATUS nvEncGetEncodeGUIDs(void *encoder, GUID *guids, uint32_t size, uint32_t *count);
NVENCSTATUS nvEncGetEncodeProfileGUIDCount(void *encoder, GUID codec, uint32_t *count);
NVENCSTATUS nvEncGetEncodeProfileGUIDs(void *encoder, GUID codec, GUID *guids, uint32_t size, uint32_t *count);
NVENCSTATUS nvEncGetInputFormatCount(void *encoder, GUID codec, uint32_t *count);
NVENCSTATUS nvEncGetInputFormats(void *encoder, GUID codec, NV_ENC_BUFFER_FORMAT *formats, uint32_t size, uint32_t *count);
NVENCSTATUS nvEncGetEncodeCaps(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *p, int *value);
NVENCSTATUS nvEncGetEncodePresetCount(void *encoder, GUID codec, uint32_t *count);
NVENCSTATUS nvEncGetEncodePresetGUIDs(void *encoder, GUID codec, GUID *guids, uint32_t size, uint32_t *count);
NVENCSTATUS nvEncGetEncodePresetConfigEx(void *encoder, GUID codec, GUID preset, NV_ENC_TUNING_INFO tuning,
                                                NV_ENC_PRESET_CONFIG *p);
NVENCSTATUS nvEncInitializeEncoder(void *encoder, NV_ENC_INITIALIZE_PARAMS *p);
NVENCSTATUS nvEncReconfigureEncoder(void *encoder, NV_ENC_RECONFIGURE_PARAMS *p);
NVENCSTATUS nvEncRegisterResource(void *encoder, NV_ENC_REGISTER_RESOURCE *p);
NVENCSTATUS nvEncUnregisterResource(void *encoder, NV_ENC_REGISTERED_PTR handle);
NVENCSTATUS nvEncMapInputResource(void *encoder, NV_ENC_MAP_INPUT_RESOURCE *p);
NVENCSTATUS nvEncUnmapInputResource(void *encoder, NV_ENC_INPUT_PTR handle);
NVENCSTATUS nvEncCreateInputBuffer(void *encoder, NV_ENC_CREATE_INPUT_BUFFER *p);
NVENCSTATUS nvEncDestroyInputBuffer(void *encoder, NV_ENC_INPUT_PTR handle);
NVENCSTATUS nvEncLockInputBuffer(void *encoder, NV_ENC_LOCK_INPUT_BUFFER *p);
NVENCSTATUS nvEncUnlockInputBuffer(void *encoder, NV_ENC_INPUT_PTR handle);
NVENCSTATUS nvEncCreateBitstreamBuffer(void *encoder, NV_ENC_CREATE_BITSTREAM_BUFFER *p);
NVENCSTATUS nvEncDestroyBitstreamBuffer(void *encoder, NV_ENC_OUTPUT_PTR handle);
NVENCSTATUS nvEncEncodePicture(void *encoder, NV_ENC_PIC_PARAMS *p);
NVENCSTATUS nvEncLockBitstream(void *encoder, NV_ENC_LOCK_BITSTREAM *p);
NVENCSTATUS nvEncUnlockBitstream(void *encoder, NV_ENC_OUTPUT_PTR handle);
NVENCSTATUS nvEncInvalidateRefFrames(void *encoder, uint64_t stamp);
NVENCSTATUS nvEncGetSequenceParams(void *encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD *p);
NVENCSTATUS nvEncSetIOCudaStreams(void *encoder, NV_ENC_CUSTREAM_PTR in, NV_ENC_CUSTREAM_PTR out);
const char *nvEncGetLastErrorString(void *encoder);

#endif
