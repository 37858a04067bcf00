#ifndef LUCARNE_YUV_MEASURE_H
#define LUCARNE_YUV_MEASURE_H

#include <stdint.h>

// A picture of width×height pixels in three planes. Rows of Y are y_stride bytes
// apart, rows of U and V c_stride, and their samples c_step: 1, or 2 where U and V
// alternate.
struct yuv_planes {
	const uint8_t *y, *u, *v;
	int y_stride, c_stride, c_step;
};

// yuv_measure brings the errors of the macroblocks that are stale up to date, row by
// row: the mean squared error of a against b, 16 times, of the worst plane. half: the
// chroma planes have half the size.
void yuv_measure(const struct yuv_planes *a, const struct yuv_planes *b, int width, int height, int half,
                 uint8_t *stale, uint16_t *errors);

// yuv_detail adds up the differences between neighbours in the rows of a plane,
// looking at every second one.
uint64_t yuv_detail(const uint8_t *plane, int stride, int width, int height);

#endif
