#ifndef LUCARNE_JPEG_SHIM_H
#define LUCARNE_JPEG_SHIM_H

#include <stddef.h>
#include <stdint.h>

// An open compressor and the JPEG that it made last, valid until the next call.
struct jpeg_compressor {
	void *handle;
	unsigned char *data;
	unsigned long size, capacity;
};

// jpeg_open makes a compressor of pictures up to width x height; NULL when there
// is no memory for it.
struct jpeg_compressor *jpeg_open(int width, int height);
void jpeg_close(struct jpeg_compressor *c);

// jpeg_compress compresses width x height pixels of B, G, R, X whose rows are
// stride bytes apart. full: colour in full resolution (4:4:4), else a quarter of
// it (4:2:0). It returns 0, or -1 with the reason in jpeg_error.
int jpeg_compress(struct jpeg_compressor *c, const uint8_t *bgrx, int stride, int width, int height,
                  int quality, int full);
const char *jpeg_error(struct jpeg_compressor *c);

#endif
