//go:build cgo && !noyuv

#include "shim.h"

#include <stddef.h>

#include <libyuv/convert.h>

#include "wide.h"

// j444_row turns a row of w pixels into ITU-R BT.601 full range, which this libyuv
// has for luma only. The weights are 256 times those of the standard; 128.499 in
// the same unit centres chroma without letting the largest value over 255.
WIDE static void j444_row(const uint8_t *restrict pix, uint8_t *restrict y, uint8_t *restrict u,
                          uint8_t *restrict v, int w) {
	enum { CENTRE = 128 * 256 + 127 };
	for (int x = 0; x < w; x++) {
		uint16_t b = pix[4 * x], g = pix[4 * x + 1], r = pix[4 * x + 2];
		y[x] = (uint16_t)(77 * r + 150 * g + 29 * b + 128) >> 8;
		u[x] = (uint16_t)(CENTRE + 128 * b - 43 * r - 85 * g) >> 8;
		v[x] = (uint16_t)(CENTRE + 128 * r - 107 * g - 21 * b) >> 8;
	}
}

int yuv_convert(int format, const uint8_t *pix, int stride, uint8_t *y, uint8_t *u, uint8_t *v,
                int y_stride, int c_stride, const int64_t *rects, int n) {
	for (int i = 0; i < n; i++, rects += 4) {
		int x0 = rects[0], y0 = rects[1], x1 = rects[2], y1 = rects[3];
		const uint8_t *from = pix + (size_t)y0 * stride + (size_t)x0 * 4;
		size_t luma = (size_t)y0 * y_stride + x0;
		if (format == J444) {
			for (int row = y0; row < y1; row++, from += stride, luma += y_stride)
				j444_row(from, y + luma, u + luma, v + luma, x1 - x0);
			continue;
		}
		size_t chroma = (size_t)(y0 / 2) * c_stride + x0 / 2;
		int err = ARGBToI420(from, stride, y + luma, y_stride, u + chroma, c_stride,
		                     v + chroma, c_stride, x1 - x0, y1 - y0);
		if (err) return err;
	}
	return 0;
}
