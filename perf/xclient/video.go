package xclient

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

// videoFrames is how many frames the video has: a second at 30 frames/s, and no
// seam where it begins anew.
const videoFrames = 32

// Video is natural motion: a landscape under clouds that a camera pans over,
// with fine texture everywhere and the grain of a sensor, as a player shows it.
type Video struct{ *film }

// NewVideo renders the video. It takes about a second of one core, and of memory
// 118 MB for a window of 1280×720 pixels.
func NewVideo(w *Window) (*Video, error) {
	rnd := rand.New(rand.NewPCG(7, 8))
	ground, grain := newTexture(rnd), newGrain(rnd)
	f, err := newFilm(w, videoFrames, func(pix []byte, size image.Point, i int) {
		renderLandscape(pix, size, ground, grain, i)
	})
	if err != nil {
		return nil, fmt.Errorf("xclient: video: %w", err)
	}
	return &Video{f}, nil
}

// textureSide is the side of the textures, a power of two: they repeat after it.
const textureSide = 512

// texture is a field of values from 0 to 1 without a seam.
type texture [textureSide * textureSide]float32

// newTexture makes a field with detail at every scale, as hills, leaves and
// clouds have it: value noise in seven octaves, each weaker than the one before.
func newTexture(rnd *rand.Rand) *texture {
	var t texture
	for octave := range 7 {
		side := 4 << octave // values along one side
		lattice := make([]float32, side*side)
		for i := range lattice {
			lattice[i] = rnd.Float32()
		}
		strength := float32(0.39 * math.Pow(0.62, float64(octave))) // all together below 1
		step := textureSide / side
		for y := range textureSide {
			fy, y0, y1 := ease(y, step), y/step, (y/step+1)%side
			for x := range textureSide {
				fx, x0, x1 := ease(x, step), x/step, (x/step+1)%side
				above := lattice[y0*side+x0]*(1-fx) + lattice[y0*side+x1]*fx
				below := lattice[y1*side+x0]*(1-fx) + lattice[y1*side+x1]*fx
				t[y*textureSide+x] += strength * (above*(1-fy) + below*fy)
			}
		}
	}
	return &t
}

// ease returns how far a position is on its way through a step, without a kink.
func ease(at, step int) float32 {
	f := float32(at%step) / float32(step)
	return f * f * (3 - 2*f)
}

// at returns the value between the four nearest ones. x and y are not negative.
func (t *texture) at(x, y float32) float32 {
	const mask = textureSide - 1
	x0, y0 := int(x), int(y)
	fx, fy := x-float32(x0), y-float32(y0)
	above, below := t[y0&mask*textureSide:][:textureSide], t[(y0+1)&mask*textureSide:][:textureSide]
	return (above[x0&mask]*(1-fx)+above[(x0+1)&mask]*fx)*(1-fy) +
		(below[x0&mask]*(1-fx)+below[(x0+1)&mask]*fx)*fy
}

// newGrain makes the noise of a sensor: nearly normal, within ±8 of 255.
func newGrain(rnd *rand.Rand) *texture {
	var t texture
	for i := range t {
		t[i] = (rnd.Float32() + rnd.Float32() + rnd.Float32() + rnd.Float32() - 2) * 4 / 255
	}
	return &t
}

// renderLandscape paints the sky, the hills and the meadow as the camera sees
// them in frame i. What is nearer moves faster.
func renderLandscape(pix []byte, size image.Point, ground, grain *texture, i int) {
	sin, cos := math.Sincos(2 * math.Pi * float64(i) / videoFrames)
	far, near := float32(100+20*sin), float32(100+52*sin)
	rise := float32(60 + 10*cos)
	grainX, grainY := i*197%textureSide, i*311%textureSide
	height := float32(size.Y)
	for x := range size.X {
		fx := float32(x)
		ridge := height * (0.25 + 0.35*ground.at((fx+far)/4, 17))
		shore := height * (0.55 + 0.2*ground.at((fx+near)/3, 211))
		for y := range size.Y {
			fy := float32(y)
			var r, g, b float32
			switch {
			case fy > shore:
				leaf := ground.at(2*(fx+near), 3*(fy+rise))
				light := 0.35 + 0.65*(fy-shore)/height
				r, g, b = light*(0.2+0.7*leaf), light*(0.45+0.75*leaf), light*(0.1+0.3*leaf)
			case fy > ridge:
				rock := ground.at(fx+far, 2*(fy+rise))
				haze := 0.5 * (shore - fy) / height
				r, g, b = 0.15+0.5*rock+haze, 0.2+0.45*rock+haze, 0.2+0.35*rock+1.3*haze
			default:
				cloud := max(0, ground.at((fx+far)/3, (fy+rise)/1.5)-0.45) * 2.5
				r, g, b = 0.35+0.25*fy/height+cloud, 0.55+0.2*fy/height+cloud, 0.85+cloud
			}
			noise := float64(grain[(y+grainY)%textureSide*textureSide+(x+grainX)%textureSide])
			put(pix, y*size.X+x, float64(r)+noise, float64(g)+noise, float64(b)+noise)
		}
	}
}
