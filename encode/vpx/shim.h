#ifndef LUCARNE_VPX_SHIM_H
#define LUCARNE_VPX_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

// A picture in I420: rows of Y are y_stride bytes apart, rows of U and V
// c_stride.
struct vp8_planes {
	const uint8_t *y, *u, *v;
	int y_stride, c_stride;
};

struct vp8_options {
	int width, height, threads, kbps, speed;
};

// An open encoder and the frame that it made last.
struct vp8_encoder {
	vpx_codec_ctx_t ctx;
	vpx_codec_enc_cfg_t cfg;
	vpx_image_t image;
	int columns, rows; // macroblocks

	// One byte a macroblock, row by row. Of the caller's making: 1 is coded,
	// 0 stays as the last frame has it.
	uint8_t *active;
	// The map of segments: 0 is filtered, 1 is not. Made from active.
	uint8_t *segments;
	// For the caller: what it knows of each macroblock.
	uint16_t *errors;
	uint8_t *stale;

	// What vp8_encode made. data is valid until the next call.
	const uint8_t *data;
	size_t size;
	int key, quantizer;
	struct vp8_planes made; // the frame as a decoder will see it; y is NULL when unknown
};

// vp8_open makes an encoder of the picture in planes, which must stay where it
// is. On an error *out is NULL.
vpx_codec_err_t vp8_open(const struct vp8_options *options, const struct vp8_planes *planes,
                         struct vp8_encoder **out);
void vp8_close(struct vp8_encoder *e);

// vp8_encode encodes the picture with one quantizer, 0 to 63, as seen at pts
// for duration, both in 1/90,000 s.
vpx_codec_err_t vp8_encode(struct vp8_encoder *e, int key, int quantizer, int64_t pts, unsigned long duration);

#endif
