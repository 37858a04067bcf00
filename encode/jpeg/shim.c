//go:build cgo && !nojpeg

#include "shim.h"

#include <stdlib.h>

#include <turbojpeg.h>

struct jpeg_compressor *jpeg_open(int width, int height) {
	struct jpeg_compressor *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	c->capacity = tjBufSize(width, height, TJSAMP_444);
	c->data = malloc(c->capacity);
	c->handle = tjInitCompress();
	if (c->data && c->handle) return c;
	jpeg_close(c);
	return NULL;
}

void jpeg_close(struct jpeg_compressor *c) {
	if (c->handle) tjDestroy(c->handle);
	free(c->data);
	free(c);
}

int jpeg_compress(struct jpeg_compressor *c, const uint8_t *bgrx, int stride, int width, int height,
                  int quality, int full) {
	c->size = c->capacity;
	return tjCompress2(c->handle, bgrx, width, stride, height, TJPF_BGRX, &c->data, &c->size,
	                   full ? TJSAMP_444 : TJSAMP_420, quality, TJFLAG_NOREALLOC);
}

const char *jpeg_error(struct jpeg_compressor *c) { return tjGetErrorStr2(c->handle); }
