//go:build cgo && !nox264

// Package h264dec decodes H.264, 4:2:0 and 4:4:4, by libavcodec, as the reference
// that encoders are tested against. Only tests import it.
package h264dec

/*
#cgo LDFLAGS: -lavcodec -lavutil
#include <libavcodec/avcodec.h>

static int decoder_open(AVCodecContext **ctx) {
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
	if (!codec || !(*ctx = avcodec_alloc_context3(codec))) return AVERROR(ENOMEM);
	(*ctx)->thread_count = 1;
	(*ctx)->err_recognition = AV_EF_EXPLODE;
	return avcodec_open2(*ctx, codec, NULL);
}

// decoder_decode decodes data, which has size bytes and AV_INPUT_BUFFER_PADDING_SIZE
// zeros after them.
static int decoder_decode(AVCodecContext *ctx, uint8_t *data, int size, AVFrame *frame) {
	AVPacket *packet = av_packet_alloc();
	if (!packet) return AVERROR(ENOMEM);
	packet->data = data;
	packet->size = size;
	int err = avcodec_send_packet(ctx, packet);
	av_packet_free(&packet);
	return err ? err : avcodec_receive_frame(ctx, frame);
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

// decoder is one libavcodec decoder.
type decoder struct {
	ctx   *C.AVCodecContext // nil: closed
	frame *C.AVFrame
	data  []byte // the access unit and its padding
}

// New returns a decoder.
func New() (encodetest.Decoder, error) {
	C.av_log_set_level(C.AV_LOG_QUIET)
	d := &decoder{frame: C.av_frame_alloc()}
	if code := C.decoder_open(&d.ctx); code < 0 || d.frame == nil {
		C.avcodec_free_context(&d.ctx)
		C.av_frame_free(&d.frame)
		return nil, fmt.Errorf("h264dec: open: %w", errorOf(code))
	}
	return d, nil
}

// Decode decodes one access unit in Annex B.
func (d *decoder) Decode(data []byte) (*image.YCbCr, error) {
	if d.ctx == nil || len(data) == 0 {
		return nil, errors.New("h264dec: decode: closed, or no data")
	}
	var padding [C.AV_INPUT_BUFFER_PADDING_SIZE]byte
	d.data = append(append(d.data[:0], data...), padding[:]...)
	if code := C.decoder_decode(d.ctx, (*C.uint8_t)(&d.data[0]), C.int(len(data)), d.frame); code < 0 {
		return nil, fmt.Errorf("h264dec: decode: %w", errorOf(code))
	}
	defer C.av_frame_unref(d.frame)
	ratio := image.YCbCrSubsampleRatio420
	switch d.frame.format {
	case C.AV_PIX_FMT_YUV420P, C.AV_PIX_FMT_YUVJ420P:
	case C.AV_PIX_FMT_YUV444P, C.AV_PIX_FMT_YUVJ444P:
		ratio = image.YCbCrSubsampleRatio444
	default:
		return nil, fmt.Errorf("h264dec: decode: pixel format %d", d.frame.format)
	}
	out := image.NewYCbCr(image.Rect(0, 0, int(d.frame.width), int(d.frame.height)), ratio)
	rows(out.Y, out.YStride, unsafe.Pointer(d.frame.data[0]), int(d.frame.linesize[0]))
	rows(out.Cb, out.CStride, unsafe.Pointer(d.frame.data[1]), int(d.frame.linesize[1]))
	rows(out.Cr, out.CStride, unsafe.Pointer(d.frame.data[2]), int(d.frame.linesize[2]))
	return out, nil
}

// rows copies a plane whose rows are stride bytes apart to dst, whose rows are
// width bytes long and not padded.
func rows(dst []byte, width int, src unsafe.Pointer, stride int) {
	for i := 0; i*width < len(dst); i++ {
		copy(dst[i*width:(i+1)*width], unsafe.Slice((*byte)(unsafe.Add(src, i*stride)), width))
	}
}

// errorOf is libavutil's word for an error.
func errorOf(code C.int) error {
	var text [C.AV_ERROR_MAX_STRING_SIZE]C.char
	C.av_strerror(code, &text[0], C.size_t(len(text)))
	return errors.New(C.GoString(&text[0]))
}

// Close frees the decoder. It is idempotent.
func (d *decoder) Close() {
	C.avcodec_free_context(&d.ctx)
	C.av_frame_free(&d.frame)
}
