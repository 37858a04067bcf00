#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

struct engine {
	x264_t *x264;
	x264_param_t param;
	x264_picture_t picture;
	struct engine_settings settings;
	float qp; // of the last frame
};

// listen takes the quantizer of a frame from what x264 says of it.
static void listen(void *private, int level, const char *format, va_list args) {
	(void)level;
	char line[256];
	vsnprintf(line, sizeof line, format, args);
	float qp;
	int frame;
	if (sscanf(line, "frame=%d QP=%f", &frame, &qp) == 2) ((struct engine *)private)->qp = qp;
}

static void set_rate(x264_param_t *p, const struct engine_settings *s) {
	int kbps = s->bps / 1000 > 0 ? s->bps / 1000 : 1;
	int vbv = s->vbv_bits / 1000;
	if (!s->vbv_bits) vbv = kbps;
	p->rc.i_rc_method = X264_RC_ABR;
	p->rc.i_bitrate = p->rc.i_vbv_max_bitrate = kbps;
	p->rc.i_vbv_buffer_size = vbv > 0 ? vbv : 1;
	p->rc.f_vbv_buffer_init = 1;
}

static void fill(x264_param_t *p, const struct engine_settings *s, struct engine *e) {
	x264_param_default_preset(p, s->preset > 4 ? "veryfast" : "ultrafast", "zerolatency");
	p->i_width = s->width, p->i_height = s->height;
	p->i_fps_num = s->fps_num, p->i_fps_den = s->fps_den;
	p->i_csp = s->full_colour ? X264_CSP_I444 : X264_CSP_I420;
	p->b_vfr_input = 0;
	p->i_threads = 1, p->b_sliced_threads = 0;
	p->i_keyint_max = s->gop ? s->gop : X264_KEYINT_MAX_INFINITE;
	p->i_keyint_min = 1, p->i_scenecut_threshold = 0;
	p->b_repeat_headers = s->repeat_headers, p->b_annexb = 1, p->b_aud = 0;
	p->i_frame_reference = 1, p->i_dpb_size = s->references > 0 ? s->references : 1;
	p->i_bframe = 0;
	p->b_cabac = s->cabac;
	p->analyse.b_transform_8x8 = s->high;
	p->i_level_idc = s->level ? s->level : 52;
	p->analyse.i_chroma_qp_offset = s->chroma_offset - (s->full_colour ? 6 : 0); // x264 adds it again
	if (s->colour) {
		p->vui.i_colorprim = s->primaries, p->vui.i_transfer = s->transfer, p->vui.i_colmatrix = s->matrix;
		p->vui.b_fullrange = s->full_range;
	}
	if (s->min_qp) p->rc.i_qp_min = s->min_qp;
	set_rate(p, s);
	if (s->constant_qp) p->rc.i_rc_method = X264_RC_CQP, p->rc.i_qp_constant = s->constant_qp;
	p->i_log_level = X264_LOG_DEBUG;
	p->pf_log = listen, p->p_log_private = e;
}

struct engine *engine_open(const struct engine_settings *s) {
	struct engine *e = calloc(1, sizeof *e);
	e->settings = *s;
	fill(&e->param, s, e);
	if (x264_picture_alloc(&e->picture, e->param.i_csp, s->width, s->height)) {
		free(e);
		return NULL;
	}
	e->x264 = x264_encoder_open(&e->param);
	if (!e->x264) {
		x264_picture_clean(&e->picture);
		free(e);
		return NULL;
	}
	return e;
}

void engine_close(struct engine *e) {
	if (!e) return;
	x264_encoder_close(e->x264);
	x264_picture_clean(&e->picture);
	free(e);
}

static uint8_t luma(const uint8_t *p) { return (66 * p[2] + 129 * p[1] + 25 * p[0] + 0x1080) >> 8; }
static uint8_t blue(int r, int g, int b) { return (112 * b - 74 * g - 38 * r + 0x8080) >> 8; }
static uint8_t red(int r, int g, int b) { return (112 * r - 94 * g - 18 * b + 0x8080) >> 8; }

// from_argb is BT.601 of limited range, as the GPU does it.
static void from_argb(struct engine *e, const uint8_t *pixels, size_t pitch) {
	const x264_image_t *to = &e->picture.img;
	int w = e->settings.width, h = e->settings.height;
	for (int y = 0; y < h; y++) {
		const uint8_t *p = pixels + y * pitch;
		uint8_t *out = to->plane[0] + (size_t)y * to->i_stride[0];
		for (int x = 0; x < w; x++) out[x] = luma(p + 4 * x);
	}
	int step = e->settings.full_colour ? 1 : 2;
	for (int y = 0; y < h / step; y++) {
		const uint8_t *p = pixels + y * step * pitch, *q = step == 2 ? p + pitch : p;
		uint8_t *u = to->plane[1] + (size_t)y * to->i_stride[1], *v = to->plane[2] + (size_t)y * to->i_stride[2];
		int next = step == 2 ? 4 : 0;
		for (int x = 0; x < w / step; x++, p += 4 * step, q += 4 * step) {
			int b = (p[0] + p[next] + q[0] + q[next] + 2) >> 2;
			int g = (p[1] + p[next + 1] + q[1] + q[next + 1] + 2) >> 2;
			int r = (p[2] + p[next + 2] + q[2] + q[next + 2] + 2) >> 2;
			u[x] = blue(r, g, b), v[x] = red(r, g, b);
		}
	}
}

// from_yuv is for clients whose pictures are in 4:2:0 already.
static void from_yuv(struct engine *e, const uint8_t *pixels, size_t pitch, enum engine_format format) {
	const x264_image_t *to = &e->picture.img;
	int w = e->settings.width, h = e->settings.height;
	for (int y = 0; y < h; y++) memcpy(to->plane[0] + (size_t)y * to->i_stride[0], pixels + y * pitch, w);
	const uint8_t *chroma = pixels + h * pitch;
	for (int y = 0; y < h / 2; y++) {
		uint8_t *u = to->plane[1] + (size_t)y * to->i_stride[1], *v = to->plane[2] + (size_t)y * to->i_stride[2];
		if (format == ENGINE_NV12) {
			for (int x = 0; x < w / 2; x++) u[x] = chroma[y * pitch + 2 * x], v[x] = chroma[y * pitch + 2 * x + 1];
			continue;
		}
		memcpy(u, chroma + y * (pitch / 2), w / 2);
		memcpy(v, chroma + (h / 2) * (pitch / 2) + y * (pitch / 2), w / 2);
	}
}

int engine_encode(struct engine *e, const uint8_t *pixels, size_t pitch, enum engine_format format, int key,
                  int64_t stamp, struct engine_packet *packet) {
	if (format == ENGINE_ARGB) from_argb(e, pixels, pitch);
	else from_yuv(e, pixels, pitch, format);
	e->picture.i_pts = stamp;
	e->picture.i_type = key ? X264_TYPE_IDR : X264_TYPE_AUTO;
	// x264 cannot change its bound for the quantizer: it takes the bound itself.
	e->picture.i_qpplus1 = e->settings.max_qp ? e->settings.max_qp + 1 : X264_QP_AUTO;
	x264_nal_t *nals;
	int count;
	x264_picture_t out;
	int size = x264_encoder_encode(e->x264, &nals, &count, &e->picture, &out);
	if (size <= 0) return -1;
	if ((size_t)size > packet->capacity) {
		free(packet->data);
		packet->capacity = size + size / 2;
		packet->data = malloc(packet->capacity);
	}
	memcpy(packet->data, nals[0].p_payload, size);
	packet->size = size;
	packet->key = out.b_keyframe;
	packet->qp = (int)(e->qp + 0.5f);
	return 0;
}

int engine_rate(struct engine *e, const struct engine_settings *s) {
	e->settings.bps = s->bps, e->settings.vbv_bits = s->vbv_bits, e->settings.max_qp = s->max_qp;
	set_rate(&e->param, s);
	return x264_encoder_reconfig(e->x264, &e->param);
}

int engine_forget(struct engine *e, int64_t stamp) { return x264_encoder_invalidate_reference(e->x264, stamp); }

size_t engine_headers(struct engine *e, uint8_t *to, size_t room) {
	x264_nal_t *nals;
	int count;
	int size = x264_encoder_headers(e->x264, &nals, &count);
	size_t n = 0;
	for (int i = 0; i < count && size > 0; i++) {
		if (nals[i].i_type != NAL_SPS && nals[i].i_type != NAL_PPS) continue;
		if (n + nals[i].i_payload > room) return 0;
		memcpy(to + n, nals[i].p_payload, nals[i].i_payload);
		n += nals[i].i_payload;
	}
	return n;
}
