//go:build cgo && !noyuv

#include "measure.h"

#include <stddef.h>
#include <stdlib.h>

#include "wide.h"

#define INLINE static inline __attribute__((always_inline))

// Errors are mean squares, 16 times, and no larger than this. A macroblock that is
// further off than COARSE is not looked at any closer.
enum { LARGEST = 65535, COARSE = 16 * 64 };

// square adds up squared differences over w×h samples, of which b's are step apart.
INLINE uint32_t square(const uint8_t *a, int as, const uint8_t *b, int bs, int step, int w, int h) {
	uint32_t sum = 0;
	for (int y = 0; y < h; y++, a += as, b += bs)
		for (int x = 0; x < w; x++) {
			int d = a[x] - b[step * x];
			sum += d * d;
		}
	return sum;
}

INLINE uint32_t mean(uint32_t sum, int samples) {
	uint32_t mse = sum * 16 / samples;
	return mse < LARGEST ? mse : LARGEST;
}

// error_of is the error of w×h samples. A whole macroblock that is far off is judged
// by every fourth row.
INLINE uint32_t error_of(const uint8_t *a, int as, const uint8_t *b, int bs, int w, int h) {
	if (w != 16 || h != 16) return mean(square(a, as, b, bs, 1, w, h), w * h);
	uint32_t rough = mean(square(a, 4 * as, b, 4 * bs, 1, 16, 4), 64);
	if (rough > COARSE) return rough;
	return mean(square(a, as, b, bs, 1, 16, 16), 256);
}

// halved is the error of w×h samples of a plane of half the size.
INLINE uint32_t halved(const uint8_t *a, int as, const uint8_t *b, int bs, int step, int w, int h) {
	uint32_t sum;
	if (w == 8 && h == 8)
		sum = step == 1 ? square(a, as, b, bs, 1, 8, 8) : square(a, as, b, bs, 2, 8, 8);
	else
		sum = square(a, as, b, bs, step, w, h);
	return mean(sum, w * h);
}

INLINE uint32_t largest(uint32_t a, uint32_t b) { return a > b ? a : b; }

// error_at is the error of the macroblock of w×h pixels at x, y.
WIDE static uint32_t error_at(const struct yuv_planes *a, const struct yuv_planes *b, int x, int y, int w, int h,
                              int half) {
	uint32_t worst = error_of(a->y + (size_t)y * a->y_stride + x, a->y_stride,
	                          b->y + (size_t)y * b->y_stride + x, b->y_stride, w, h);
	if (worst > COARSE) return worst;
	if (half) x /= 2, y /= 2, w = (w + 1) / 2, h = (h + 1) / 2;
	size_t at = (size_t)y * a->c_stride + x, bt = (size_t)y * b->c_stride + (size_t)x * b->c_step;
	if (!half) {
		worst = largest(worst, error_of(a->u + at, a->c_stride, b->u + bt, b->c_stride, w, h));
		return largest(worst, error_of(a->v + at, a->c_stride, b->v + bt, b->c_stride, w, h));
	}
	worst = largest(worst, halved(a->u + at, a->c_stride, b->u + bt, b->c_stride, b->c_step, w, h));
	return largest(worst, halved(a->v + at, a->c_stride, b->v + bt, b->c_stride, b->c_step, w, h));
}

void yuv_measure(const struct yuv_planes *a, const struct yuv_planes *b, int width, int height, int half,
                 uint8_t *stale, uint16_t *errors) {
	for (int y = 0; y < height; y += 16)
		for (int x = 0; x < width; x += 16, stale++, errors++) {
			if (!*stale) continue;
			int w = width - x < 16 ? width - x : 16, h = height - y < 16 ? height - y : 16;
			*stale = 0;
			*errors = error_at(a, b, x, y, w, h, half);
		}
}

WIDE static uint32_t slope(const uint8_t *p, int w) {
	uint32_t sum = 0;
	for (int x = 1; x < w; x++) sum += abs(p[x] - p[x - 1]);
	return sum;
}

uint64_t yuv_detail(const uint8_t *plane, int stride, int width, int height) {
	uint64_t sum = 0;
	for (int y = 0; y < height; y += 2) sum += slope(plane + (size_t)y * stride, width);
	return 2 * sum;
}
