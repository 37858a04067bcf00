#ifndef LUCARNE_X264_SHIM_H
#define LUCARNE_X264_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <x264.h>

// What is to be shown, in three planes: rows of Y are y_stride bytes apart, rows of U
// and V c_stride.
struct h264_source {
	const uint8_t *y, *u, *v;
	int y_stride, c_stride;
};

struct h264_options {
	int width, height, threads;
	int full; // 4:4:4 in full range, else 4:2:0 in limited range
};

// An open encoder and the frame that it made last.
struct h264_encoder {
	x264_t *x264;
	x264_param_t param;
	x264_picture_t in;  // what x264 is given, see feed
	x264_picture_t out; // out.img is the last frame as a decoder has it
	struct h264_source source;
	int width, height, full;
	int columns, rows; // macroblocks

	// The picture in `in` is the source where it is to be coded. Elsewhere it is
	// what the decoder has, so that there is nothing to code there.
	uint8_t *feed;
	uint8_t *ahead; // a byte a macroblock: 1 where the feed is not what the decoder has

	// One byte a macroblock, row by row. active is of the caller's making: 1 is
	// coded, 0 stays as the last frame has it. constant says the same to x264.
	uint8_t *active, *constant;
	// For the caller: what it knows of each macroblock.
	uint16_t *errors;
	uint8_t *stale;

	// What h264_encode made. data is valid until the next call.
	const uint8_t *data;
	size_t size;
	int key;

	char message[120]; // the last error that x264 has told of
};

// h264_open makes an encoder of the picture in source, which must stay where it is.
// It returns NULL when there is no memory, and an encoder whose x264 is NULL when
// x264 has refused; message may say why.
struct h264_encoder *h264_open(const struct h264_options *options, const struct h264_source *source);
void h264_close(struct h264_encoder *e);

// h264_encode encodes the active macroblocks by one quantizer, 0 to 51; for a key
// frame they must all be. It returns 0, or -1 when x264 fails.
int h264_encode(struct h264_encoder *e, int key, int quantizer);

#endif
