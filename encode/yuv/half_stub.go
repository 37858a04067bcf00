//go:build !cgo || noyuv

package yuv

import "lucarne/capture"

// Half returns an error: this build has no libyuv.
func Half(small, picture *capture.Frame) error { return errAbsent }
