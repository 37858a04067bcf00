package main

import (
	"bytes"
	"image"
	"os"
	"strings"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/capture/display"
	"lucarne/capture/display/displaytest"
	"lucarne/capture/watermark"
	"lucarne/capture/x11"
	"lucarne/encode"
	"lucarne/encode/encodetest"
	"lucarne/encode/encodetest/h264dec"
	"lucarne/encode/encodetest/vp8dec"
	"lucarne/signaling/policy"
)

func TestMarkFields(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		want watermark.Fields
	}{
		"nowhere":           {nil, watermark.Fields{Session: host, User: loginName(), Host: host}},
		"in an image":       {map[string]string{"NB_USER": "jovyan"}, watermark.Fields{Session: host, User: "jovyan", Host: host}},
		"by JupyterHub":     {map[string]string{"JUPYTERHUB_USER": "ada", "NB_USER": "jovyan"}, watermark.Fields{Session: host, User: "ada", Host: host}},
		"a named server":    {map[string]string{"JUPYTERHUB_USER": "ada", "JUPYTERHUB_SERVER_NAME": "gpu"}, watermark.Fields{Session: "gpu", User: "ada", Host: host}},
		"by Kubeflow":       {map[string]string{"NB_PREFIX": "/notebook/ada-lovelace/engine", "NB_USER": "jovyan"}, watermark.Fields{Session: "engine", User: "ada-lovelace", Host: host}},
		"by another prefix": {map[string]string{"NB_PREFIX": "/a/b/c"}, watermark.Fields{Session: host, User: loginName(), Host: host}},
	} {
		if got := markFields(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestPolicyWatermark: whatever text a policy may have can be drawn, and then there is no VNC.
func TestPolicyWatermark(t *testing.T) {
	for _, text := range []string{
		"preset: medical",
		"preset: open\nwatermark: {text: '{user} at {host}'}",
		"preset: open\nwatermark: {text: '" + strings.Repeat("é", policy.MaxWatermark) + "', opacity: 0.5}",
	} {
		p, err := policy.Parse("p.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		d := &desktop{flags: &desktopFlags{vncFlags: vncFlags{VNC: "auto"}}, policy: p}
		if _, err := d.marked(new(x11.Source)); err != nil {
			t.Error(err)
		}
		if vnc, err := d.vncServer(); vnc != nil || err != nil {
			t.Errorf("%s: VNC %v, %v, want none", text, vnc, err)
		}
	}
}

// TestWatermarkIsInTheVideo: whoever decodes what each encoder has made of a display sees
// the text.
func TestWatermarkIsInTheVideo(t *testing.T) {
	backends, err := usable(backends())
	if err != nil {
		t.Skip("built without an encoder:", err)
	}
	plan := displaytest.Start(t, display.Config{Server: display.Xvfb, Size: image.Pt(640, 360)})
	source, err := x11.Open(x11.Config{Display: plan.Display})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var f capture.Frame
	if err := source.Grab(&f); err != nil {
		t.Fatal(err)
	}
	plain := encodetest.Canvas{Pix: bytes.Clone(f.Pix), Stride: f.Stride, Size: f.Size}
	d := &desktop{policy: policy.Policy{Watermark: &policy.Watermark{Text: "{user} {time}"}}}
	marked, err := d.marked(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, backend := range backends {
		if backend.Codec == encode.JPEG {
			continue // its packets are no JPEG files, and it is no video
		}
		t.Run(backend.Name+" "+string(backend.Codec), func(t *testing.T) {
			source.Renew() // each encoder begins with all of the picture
			if err := marked.Grab(&f); err != nil {
				t.Fatal(err)
			}
			drawn := encodetest.Canvas{Pix: bytes.Clone(f.Pix), Stride: f.Stride, Size: f.Size}
			picture := settled(t, backend, &f)
			all := image.Rectangle{Max: f.Size}
			with, without := encodetest.PSNR(picture, &drawn, all), encodetest.PSNR(picture, &plain, all)
			if with < 38 || without > with-6 {
				t.Errorf("the picture is at %.1f dB of that with the text, at %.1f of that without; want 38 at least and 6 less", with, without)
			}
		})
	}
}

// settled encodes a picture until it is as good as it gets, and decodes that.
func settled(t *testing.T, backend encode.Backend, f *capture.Frame) *image.YCbCr {
	t.Helper()
	encoder, err := backend.Open(encode.Config{Size: f.Size})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	open := h264dec.New
	if backend.Codec == encode.VP8 {
		open = vp8dec.New
	}
	decoder, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	var picture *image.YCbCr
	for n := range 30 {
		packet, err := encoder.Encode(f, encode.Op{Key: n == 0, Refine: n > 0})
		if err != nil {
			t.Fatal(err)
		}
		if len(packet.Data) > 0 {
			if picture, err = decoder.Decode(packet.Data); err != nil {
				t.Fatal(err)
			}
		}
		if packet.Settled {
			break
		}
		f.Damage, f.Grabbed = nil, time.Now()
	}
	return picture
}
