#ifndef LUCARNE_YUV_SHIM_H
#define LUCARNE_YUV_SHIM_H

#include <stdint.h>

// The formats of the planes.
enum { I420, J444 };

// yuv_convert turns n rectangles of a BGRX picture, each given as min x, min y,
// max x, max y with even minima, into planes of a format. It returns libyuv's code,
// 0 for none.
int yuv_convert(int format, const uint8_t *pix, int stride, uint8_t *y, uint8_t *u, uint8_t *v,
                int y_stride, int c_stride, const int64_t *rects, int n);

#endif
