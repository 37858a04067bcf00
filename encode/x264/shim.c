//go:build cgo && !nox264

#include "shim.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_message(void *private, int level, const char *format, va_list arguments) {
	struct h264_encoder *e = private;
	if (level > X264_LOG_ERROR) return;
	vsnprintf(e->message, sizeof e->message, format, arguments);
	e->message[strcspn(e->message, "\n")] = 0;
}

// LARGEST_52 is the largest frame of level 5.2, in macroblocks (H.264 table A-1).
enum { LARGEST_52 = 36864 };

static int configure(struct h264_encoder *e, const struct h264_options *o) {
	x264_param_t *p = &e->param;
	if (x264_param_default_preset(p, "ultrafast", "zerolatency")) return -1;
	p->pf_log = keep_message;
	p->p_log_private = e;
	p->i_log_level = X264_LOG_ERROR;
	p->i_width = o->full ? o->width : (o->width + 1) & ~1;
	p->i_height = o->full ? o->height : (o->height + 1) & ~1;
	p->i_csp = o->full ? X264_CSP_I444 : X264_CSP_NV12;
	p->i_threads = o->threads;
	p->b_sliced_threads = 1;
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	p->i_frame_reference = 1;
	p->b_annexb = 1;
	p->b_repeat_headers = 1;
	p->b_vfr_input = 0;
	p->i_fps_num = 60;
	p->i_fps_den = 1;
	p->i_level_idc = e->columns * e->rows <= LARGEST_52 ? 52 : 62;
	p->analyse.b_mb_info = 1;
	p->analyse.intra = X264_ANALYSE_I4x4; // of key frames: 6 % fewer bits
	// 18 % fewer bits for the tenfold that sharp colours take. Constrained Baseline,
	// which every decoder of 4:2:0 has, is without.
	p->b_cabac = o->full;

	// Each frame names its quantizer. These three let x264 take any from 0 to 51:
	// it derives the bounds from the quantizers of the kinds of frames.
	p->rc.i_rc_method = X264_RC_CQP;
	p->rc.i_qp_constant = 11;
	p->rc.f_ip_factor = 0.01;
	p->rc.f_pb_factor = 0.1;

	p->vui.b_fullrange = o->full;
	p->vui.i_colorprim = 1; // BT.709, as of sRGB
	p->vui.i_transfer = 1;  // the same, which browsers take for sRGB
	p->vui.i_colmatrix = 6; // BT.601
	return x264_param_apply_profile(p, o->full ? "high444" : "baseline");
}

// lay_out makes the feed, of the size that x264 is told.
static int lay_out(struct h264_encoder *e) {
	size_t stride = ((size_t)e->param.i_width + 63) & ~(size_t)63;
	size_t plane = stride * e->param.i_height;
	if (posix_memalign((void **)&e->feed, 64, 3 * plane)) return -1;
	x264_image_t *img = &e->in.img;
	img->i_csp = e->param.i_csp;
	img->i_plane = e->full ? 3 : 2;
	for (int i = 0; i < img->i_plane; i++) {
		img->i_stride[i] = stride;
		img->plane[i] = e->feed + i * plane;
	}
	return 0;
}

// keep_apart has the C library map large blocks one by one, so that closing an
// encoder gives them back; see encode/vpx. It holds for the whole process.
static void keep_apart(void) {
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

struct h264_encoder *h264_open(const struct h264_options *o, const struct h264_source *source) {
	keep_apart();
	struct h264_encoder *e = calloc(1, sizeof *e);
	if (!e) return NULL;
	e->width = o->width;
	e->height = o->height;
	e->full = o->full;
	e->columns = (o->width + 15) / 16;
	e->rows = (o->height + 15) / 16;
	e->source = *source;
	x264_picture_init(&e->in);
	size_t blocks = (size_t)e->columns * e->rows;
	e->ahead = calloc(blocks, 1);
	e->active = calloc(blocks, 1);
	e->constant = calloc(blocks, 1);
	e->errors = calloc(blocks, sizeof *e->errors);
	e->stale = calloc(blocks, 1);
	int err = configure(e, o);
	if (!e->ahead || !e->active || !e->constant || !e->errors || !e->stale || (!err && lay_out(e))) {
		h264_close(e);
		return NULL;
	}
	e->in.prop.mb_info = e->constant;
	if (!err) e->x264 = x264_encoder_open(&e->param);
	return e;
}

void h264_close(struct h264_encoder *e) {
	if (!e) return;
	if (e->x264) x264_encoder_close(e->x264);
	free(e->feed);
	free(e->ahead);
	free(e->active);
	free(e->constant);
	free(e->errors);
	free(e->stale);
	free(e);
}

// copy copies w×h bytes, most often 16×16.
static void copy(uint8_t *to, int to_stride, const uint8_t *from, int from_stride, int w, int h) {
	for (int y = 0; y < h; y++, to += to_stride, from += from_stride) {
		if (w == 16)
			memcpy(to, from, 16);
		else
			memcpy(to, from, w);
	}
}

// widen repeats the last of the w columns and h rows of a block, so that it has whole
// chroma samples.
static void widen(uint8_t *block, int stride, int w, int h) {
	if (w & 1)
		for (int y = 0; y < h; y++) block[y * stride + w] = block[y * stride + w - 1];
	if (h & 1) memcpy(block + h * stride, block + (h - 1) * stride, (w + 1) & ~1);
}

static void interleave(uint8_t *to, int to_stride, const uint8_t *u, const uint8_t *v, int from_stride, int w, int h) {
	for (int y = 0; y < h; y++, to += to_stride, u += from_stride, v += from_stride)
		for (int x = 0; x < w; x++) to[2 * x] = u[x], to[2 * x + 1] = v[x];
}

// feed_source puts the source into a macroblock of the feed.
static void feed_source(struct h264_encoder *e, int x, int y, int w, int h) {
	const struct h264_source *s = &e->source;
	x264_image_t *to = &e->in.img;
	uint8_t *luma = to->plane[0] + (size_t)y * to->i_stride[0] + x;
	copy(luma, to->i_stride[0], s->y + (size_t)y * s->y_stride + x, s->y_stride, w, h);
	if (e->full) {
		size_t at = (size_t)y * to->i_stride[1] + x, from = (size_t)y * s->c_stride + x;
		copy(to->plane[1] + at, to->i_stride[1], s->u + from, s->c_stride, w, h);
		copy(to->plane[2] + at, to->i_stride[2], s->v + from, s->c_stride, w, h);
		return;
	}
	widen(luma, to->i_stride[0], w, h);
	size_t from = (size_t)(y / 2) * s->c_stride + x / 2;
	interleave(to->plane[1] + (size_t)(y / 2) * to->i_stride[1] + x, to->i_stride[1],
	           s->u + from, s->v + from, s->c_stride, (w + 1) / 2, (h + 1) / 2);
}

// feed_made puts what the decoder has into a macroblock of the feed.
static void feed_made(struct h264_encoder *e, int x, int y, int w, int h) {
	x264_image_t *to = &e->in.img, *from = &e->out.img;
	if (!e->full) w = (w + 1) & ~1, h = (h + 1) & ~1;
	for (int i = 0; i < to->i_plane; i++) {
		int row = e->full || !i ? y : y / 2, count = e->full || !i ? h : h / 2;
		copy(to->plane[i] + (size_t)row * to->i_stride[i] + x, to->i_stride[i],
		     from->plane[i] + (size_t)row * from->i_stride[i] + x, from->i_stride[i], w, count);
	}
}

// feed brings the feed in line with what is active.
static void feed(struct h264_encoder *e) {
	int i = 0;
	for (int y = 0; y < e->height; y += 16)
		for (int x = 0; x < e->width; x += 16, i++) {
			e->constant[i] = e->active[i] ? 0 : X264_MBINFO_CONSTANT;
			if (!e->active[i] && !e->ahead[i]) continue;
			int w = e->width - x < 16 ? e->width - x : 16, h = e->height - y < 16 ? e->height - y : 16;
			if (e->active[i])
				feed_source(e, x, y, w, h);
			else
				feed_made(e, x, y, w, h);
			e->ahead[i] = e->active[i];
		}
}

// gather puts the NAL units one after the other but for x264's notes to itself, which
// are 700 bytes at the very beginning. They lie in one piece.
static void gather(struct h264_encoder *e, x264_nal_t *nals, int count) {
	uint8_t *to = nals[0].p_payload;
	e->data = to;
	for (int i = 0; i < count; i++) {
		if (nals[i].i_type == NAL_SEI) continue;
		if (to != nals[i].p_payload) memmove(to, nals[i].p_payload, nals[i].i_payload);
		to += nals[i].i_payload;
	}
	e->size = to - e->data;
}

int h264_encode(struct h264_encoder *e, int key, int quantizer) {
	e->data = NULL;
	e->size = 0;
	feed(e);
	e->in.i_type = key ? X264_TYPE_IDR : X264_TYPE_P;
	e->in.i_qpplus1 = quantizer + 1;
	x264_nal_t *nals;
	int count;
	if (x264_encoder_encode(e->x264, &nals, &count, &e->in, &e->out) < 0) return -1;
	e->in.i_pts++;
	e->key = e->out.b_keyframe;
	if (count > 0) gather(e, nals, count);
	return 0;
}
