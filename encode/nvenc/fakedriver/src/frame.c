#include "nvenc.h"

// Inputs, bitstreams and pictures.

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

NVENCSTATUS nvEncRegisterResource(void *encoder, NV_ENC_REGISTER_RESOURCE *p) {
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

NVENCSTATUS nvEncUnregisterResource(void *encoder, NV_ENC_REGISTERED_PTR handle) {
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

NVENCSTATUS nvEncMapInputResource(void *encoder, NV_ENC_MAP_INPUT_RESOURCE *p) {
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

NVENCSTATUS nvEncUnmapInputResource(void *encoder, NV_ENC_INPUT_PTR handle) {
	BEGIN;
	INITIALIZED;
	struct resource *r = mapped_of(s, handle);
	if (!r) END(BROKEN(NV_ENC_ERR_RESOURCE_NOT_MAPPED, "no such mapping"));
	for (int i = 0; i < BITSTREAMS; i++)
		if (s->bitstreams[i].filled == 1 && !s->excused) BROKEN(0, "the packet has not been waited for");
	r->mapped = 0;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncCreateInputBuffer(void *encoder, NV_ENC_CREATE_INPUT_BUFFER *p) {
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

NVENCSTATUS nvEncDestroyInputBuffer(void *encoder, NV_ENC_INPUT_PTR handle) {
	BEGIN;
	struct resource *r = resource_of(s, handle);
	if (!r || r->memory) END(BROKEN(NV_ENC_ERR_INVALID_PTR, "no such input buffer"));
	free(r->pixels);
	r->used = 0;
	fake_stats()->resources--;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncLockInputBuffer(void *encoder, NV_ENC_LOCK_INPUT_BUFFER *p) {
	BEGIN;
	VERSION(p, NV_ENC_LOCK_INPUT_BUFFER_VER);
	struct resource *r = resource_of(s, p->inputBuffer);
	if (!r || r->memory || r->locked) END(BROKEN(NV_ENC_ERR_LOCK_BUSY, "no such input buffer, or it is locked"));
	r->locked = 1;
	p->bufferDataPtr = r->pixels, p->pitch = r->pitch;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncUnlockInputBuffer(void *encoder, NV_ENC_INPUT_PTR handle) {
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

NVENCSTATUS nvEncCreateBitstreamBuffer(void *encoder, NV_ENC_CREATE_BITSTREAM_BUFFER *p) {
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

NVENCSTATUS nvEncDestroyBitstreamBuffer(void *encoder, NV_ENC_OUTPUT_PTR handle) {
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

NVENCSTATUS nvEncEncodePicture(void *encoder, NV_ENC_PIC_PARAMS *p) {
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

NVENCSTATUS nvEncLockBitstream(void *encoder, NV_ENC_LOCK_BITSTREAM *p) {
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

NVENCSTATUS nvEncUnlockBitstream(void *encoder, NV_ENC_OUTPUT_PTR handle) {
	BEGIN;
	INITIALIZED;
	struct bitstream *b = bitstream_of(s, handle);
	if (!b || !b->locked) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "no such bitstream, or it is not locked"));
	b->locked = b->filled = 0;
	END(NV_ENC_SUCCESS);
}

NVENCSTATUS nvEncInvalidateRefFrames(void *encoder, uint64_t stamp) {
	BEGIN;
	INITIALIZED;
	// The stamps of a session count its frames from 1, as far as the fake knows.
	int64_t frame = (int64_t)stamp - 1;
	if (frame < 0 || frame >= s->frames) END(BROKEN(NV_ENC_ERR_INVALID_PARAM, "no frame %llu", (unsigned long long)stamp));
	if (s->forget < 0 || frame < s->forget) s->forget = frame;
	END(NV_ENC_SUCCESS);
}
