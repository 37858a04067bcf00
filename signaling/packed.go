package signaling

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// worthPacking is the size below which a file travels in a packet or two anyway.
const worthPacking = 2000

// packed keeps the page's files in gzip (RFC 1952), each made when it is first
// asked for. There are as many as the page has.
type packed struct {
	mu    sync.Mutex
	files map[string][]byte
}

// of returns a file's content in gzip, nil where that saves nothing.
func (p *packed) of(name string, content []byte) []byte {
	if len(content) < worthPacking {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.files[name]; ok {
		return made
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(content) // a buffer takes everything
	_ = z.Close()
	made := b.Bytes()
	if len(made) >= len(content) {
		made = nil
	}
	if p.files == nil {
		p.files = make(map[string][]byte)
	}
	p.files[name] = made
	return made
}

// takesGzip says whether the client names gzip among what it understands (RFC
// 9110, §12.5.3), and not with a weight of zero.
func takesGzip(header http.Header) bool {
	for _, value := range header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				_, q, weighted := strings.Cut(weight, "=")
				return !weighted || strings.Trim(strings.TrimSpace(q), "0.") != ""
			}
		}
	}
	return false
}
