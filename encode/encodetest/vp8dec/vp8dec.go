//go:build cgo && !novpx

// Package vp8dec decodes VP8 by libvpx, as the reference that encoders are
// tested against.
package vp8dec

/*
#cgo LDFLAGS: -l:libvpx.a -lm -lpthread
#include <stdlib.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

static vpx_codec_err_t decoder_open(vpx_codec_ctx_t **ctx) {
	*ctx = calloc(1, sizeof **ctx);
	if (!*ctx) return VPX_CODEC_MEM_ERROR;
	return vpx_codec_dec_init(*ctx, vpx_codec_vp8_dx(), NULL, 0);
}

static vpx_codec_err_t decoder_decode(vpx_codec_ctx_t *ctx, const uint8_t *data, size_t size, vpx_image_t **image) {
	vpx_codec_err_t err = vpx_codec_decode(ctx, data, size, NULL, 0);
	if (err) return err;
	vpx_codec_iter_t iter = NULL;
	*image = vpx_codec_get_frame(ctx, &iter);
	return VPX_CODEC_OK;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"unsafe"

	"lucarne/encode/encodetest"
)

// decoder is one libvpx decoder.
type decoder struct{ ctx *C.vpx_codec_ctx_t }

// New returns a decoder.
func New() (encodetest.Decoder, error) {
	d := &decoder{}
	if code := C.decoder_open(&d.ctx); code != C.VPX_CODEC_OK {
		C.free(unsafe.Pointer(d.ctx))
		return nil, fmt.Errorf("vp8dec: open: %s", C.GoString(C.vpx_codec_err_to_string(code)))
	}
	return d, nil
}

// Decode decodes one frame.
func (d *decoder) Decode(data []byte) (*image.YCbCr, error) {
	if d.ctx == nil || len(data) == 0 {
		return nil, errors.New("vp8dec: decode: closed, or no data")
	}
	var img *C.vpx_image_t
	if code := C.decoder_decode(d.ctx, (*C.uint8_t)(&data[0]), C.size_t(len(data)), &img); code != C.VPX_CODEC_OK {
		return nil, fmt.Errorf("vp8dec: decode: %s", C.GoString(C.vpx_codec_err_to_string(code)))
	}
	if img == nil {
		return nil, errors.New("vp8dec: decode: no picture")
	}
	out := image.NewYCbCr(image.Rect(0, 0, int(img.d_w), int(img.d_h)), image.YCbCrSubsampleRatio420)
	rows(out.Y, out.YStride, unsafe.Pointer(img.planes[0]), int(img.stride[0]))
	rows(out.Cb, out.CStride, unsafe.Pointer(img.planes[1]), int(img.stride[1]))
	rows(out.Cr, out.CStride, unsafe.Pointer(img.planes[2]), int(img.stride[2]))
	return out, nil
}

// rows copies a plane whose rows are stride bytes apart to dst, whose rows are
// width bytes long and not padded.
func rows(dst []byte, width int, src unsafe.Pointer, stride int) {
	for i := 0; i*width < len(dst); i++ {
		copy(dst[i*width:(i+1)*width], unsafe.Slice((*byte)(unsafe.Add(src, i*stride)), width))
	}
}

// Close frees the decoder. It is idempotent.
func (d *decoder) Close() {
	if d.ctx != nil {
		C.vpx_codec_destroy(d.ctx)
		C.free(unsafe.Pointer(d.ctx))
		d.ctx = nil
	}
}
