//go:build !cgo || noyuv

// Package yuv turns pictures of the screen into the colour formats that
// encoders take, by libyuv. This build has no libyuv: NewI420 says so.
package yuv

import (
	"errors"
	"image"
	"unsafe"
)

// errAbsent is what every operation answers in a build without libyuv.
var errAbsent = errors.New("yuv: this build has no libyuv (it needs cgo)")

// I420 is a picture in the I420 format. There is none in this build.
type I420 struct{}

// NewI420 returns an error: this build has no libyuv.
func NewI420(size image.Point) (*I420, error) { return nil, errAbsent }

// Size returns the zero size.
func (p *I420) Size() image.Point { return image.Point{} }

// Planes returns nothing.
func (p *I420) Planes() (y, u, v unsafe.Pointer, yStride, cStride int) { return }

// Convert returns an error: this build has no libyuv.
func (p *I420) Convert(pix []byte, stride int, damage []image.Rectangle) error { return errAbsent }

// Close does nothing.
func (p *I420) Close() {}
