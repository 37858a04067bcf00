//go:build cgo && !novpx

#include "shim.h"

#include <malloc.h>
#include <stdlib.h>

static vpx_codec_err_t configure(struct vp8_encoder *e, const struct vp8_options *o) {
	vpx_codec_err_t err = vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &e->cfg, 0);
	if (err) return err;
	e->cfg.g_w = o->width;
	e->cfg.g_h = o->height;
	e->cfg.g_threads = o->threads;
	e->cfg.g_timebase = (vpx_rational_t){1, 90000};
	e->cfg.g_lag_in_frames = 0;
	e->cfg.g_pass = VPX_RC_ONE_PASS;
	e->cfg.g_error_resilient = 0;
	e->cfg.rc_end_usage = VPX_CBR;
	e->cfg.rc_target_bitrate = o->kbps;
	e->cfg.rc_dropframe_thresh = 0;
	e->cfg.kf_mode = VPX_KF_DISABLED;
	err = vpx_codec_enc_init(&e->ctx, vpx_codec_vp8_cx(), &e->cfg, 0);
	if (err) return err;
	if ((err = vpx_codec_control(&e->ctx, VP8E_SET_CPUUSED, -o->speed)) ||
	    (err = vpx_codec_control(&e->ctx, VP8E_SET_NOISE_SENSITIVITY, 0)) ||
	    (err = vpx_codec_control(&e->ctx, VP8E_SET_STATIC_THRESHOLD, 0)) ||
	    (err = vpx_codec_control(&e->ctx, VP8E_SET_SCREEN_CONTENT_MODE, 0)) ||
	    (err = vpx_codec_control(&e->ctx, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION)))
		return err;
	return VPX_CODEC_OK;
}

// keep_apart has the C library map large blocks one by one, so that closing an
// encoder gives its 60 MB back. Left alone glibc takes the first one freed as a
// sign to keep such blocks, in an arena of whichever thread asks: 3 to 4 MB more
// for each of the first dozen viewers that come and go. It holds for the whole
// process.
static void keep_apart(void) {
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

vpx_codec_err_t vp8_open(const struct vp8_options *o, const struct vp8_planes *planes,
                         struct vp8_encoder **out) {
	*out = NULL;
	keep_apart();
	struct vp8_encoder *e = calloc(1, sizeof *e);
	if (!e) return VPX_CODEC_MEM_ERROR;
	e->columns = (o->width + 15) / 16;
	e->rows = (o->height + 15) / 16;
	size_t blocks = (size_t)e->columns * e->rows;
	e->active = calloc(blocks, 1);
	e->segments = calloc(blocks, 1);
	e->errors = calloc(blocks, sizeof *e->errors);
	e->stale = calloc(blocks, 1);
	vpx_codec_err_t err = VPX_CODEC_MEM_ERROR;
	if (e->active && e->segments && e->errors && e->stale) err = configure(e, o);
	if (err) {
		vp8_close(e);
		return err;
	}
	vpx_img_wrap(&e->image, VPX_IMG_FMT_I420, o->width, o->height, 1, (uint8_t *)planes->y);
	e->image.planes[VPX_PLANE_U] = (uint8_t *)planes->u;
	e->image.planes[VPX_PLANE_V] = (uint8_t *)planes->v;
	e->image.stride[VPX_PLANE_Y] = planes->y_stride;
	e->image.stride[VPX_PLANE_U] = e->image.stride[VPX_PLANE_V] = planes->c_stride;
	*out = e;
	return VPX_CODEC_OK;
}

void vp8_close(struct vp8_encoder *e) {
	if (!e) return;
	if (e->ctx.iface) vpx_codec_destroy(&e->ctx);
	free(e->active);
	free(e->segments);
	free(e->errors);
	free(e->stale);
	free(e);
}

static vpx_codec_err_t prepare(struct vp8_encoder *e, int quantizer) {
	if (e->cfg.rc_min_quantizer != (unsigned)quantizer || e->cfg.rc_max_quantizer != (unsigned)quantizer) {
		e->cfg.rc_min_quantizer = e->cfg.rc_max_quantizer = quantizer;
		vpx_codec_err_t err = vpx_codec_enc_config_set(&e->ctx, &e->cfg);
		if (err) return err;
	}
	vpx_active_map_t map = {e->active, e->rows, e->columns};
	vpx_codec_err_t err = vpx_codec_control(&e->ctx, VP8E_SET_ACTIVEMAP, &map);
	if (err) return err;
	size_t blocks = (size_t)e->columns * e->rows;
	// Segment 1 is what stays as it is: unfiltered, or it would blur a little
	// more with every frame, and cost the time of filtering.
	for (size_t i = 0; i < blocks; i++) e->segments[i] = !e->active[i];
	vpx_roi_map_t roi = {.enabled = 1, .roi_map = e->segments, .rows = e->rows, .cols = e->columns,
	                     .delta_lf = {0, -63}};
	return vpx_codec_control(&e->ctx, VP8E_SET_ROI_MAP, &roi);
}

vpx_codec_err_t vp8_encode(struct vp8_encoder *e, int key, int quantizer, int64_t pts, unsigned long duration) {
	e->data = NULL;
	e->size = 0;
	vpx_codec_err_t err = prepare(e, quantizer);
	if (err) return err;
	// Only the last frame is a reference: searching three costs time and gains
	// nothing on a screen, and the preview is withheld when the others change.
	vpx_enc_frame_flags_t flags = VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ARF |
	                              VP8_EFLAG_NO_REF_GF | VP8_EFLAG_NO_REF_ARF;
	if (key) flags = VPX_EFLAG_FORCE_KF;
	err = vpx_codec_encode(&e->ctx, &e->image, pts, duration, flags, VPX_DL_REALTIME);
	if (err) return err;
	const vpx_codec_cx_pkt_t *packet;
	vpx_codec_iter_t iter = NULL;
	while ((packet = vpx_codec_get_cx_data(&e->ctx, &iter))) {
		if (packet->kind != VPX_CODEC_CX_FRAME_PKT) continue;
		e->data = packet->data.frame.buf;
		e->size = packet->data.frame.sz;
		e->key = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
	}
	vpx_codec_control(&e->ctx, VP8E_GET_LAST_QUANTIZER, &e->quantizer);
	const vpx_image_t *made = vpx_codec_get_preview_frame(&e->ctx);
	e->made = (struct vp8_planes){0};
	if (made)
		e->made = (struct vp8_planes){made->planes[0], made->planes[1], made->planes[2],
		                              made->stride[0], made->stride[1]};
	return VPX_CODEC_OK;
}
