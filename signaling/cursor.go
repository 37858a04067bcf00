package signaling

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"sync"

	"lucarne/capture"
)

// cursors keeps the newest cursor as a PNG, so that it is encoded once for all
// sockets.
type cursors struct {
	mu    sync.Mutex
	image *image.NRGBA
	png   string // base64
}

// encode returns the cursor's picture as a PNG in base64, "" for a hidden one.
func (c *cursors) encode(cursor capture.Cursor) (string, error) {
	if cursor.Image == nil || cursor.Image.Rect.Empty() {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.image == cursor.Image {
		return c.png, nil
	}
	var b bytes.Buffer
	if err := png.Encode(&b, cursor.Image); err != nil {
		return "", fmt.Errorf("signaling: encode cursor: %w", err)
	}
	c.image, c.png = cursor.Image, base64.StdEncoding.EncodeToString(b.Bytes())
	return c.png, nil
}
