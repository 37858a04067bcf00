package xclient

import (
	"fmt"
	"image"
	"math"
)

// The scene repeats after sceneFrames frames without a seam, because it looks
// the same after a sixth of a turn.
const (
	sceneFrames   = 24
	sceneSymmetry = 6
)

// Scene is a shaded three-dimensional scene that turns: every pixel of the
// window changes with every frame, as when somebody turns a model.
type Scene struct{ *film }

// NewScene renders the scene. It takes about a second of one core.
func NewScene(w *Window) (*Scene, error) {
	f, err := newFilm(w, sceneFrames, func(pix []byte, size image.Point, i int) {
		renderScene(pix, size, 2*math.Pi/sceneSymmetry*float64(i)/sceneFrames)
	})
	if err != nil {
		return nil, fmt.Errorf("xclient: scene: %w", err)
	}
	return &Scene{f}, nil
}

// renderScene paints the floor and the balls as they are at an angle.
func renderScene(pix []byte, size image.Point, angle float64) {
	depth := make([]float64, size.X*size.Y)
	renderFloor(pix, depth, size, angle)
	for ring := range 3 {
		for k := range sceneSymmetry * (ring + 1) {
			a := angle + 2*math.Pi*float64(k)/float64(sceneSymmetry*(ring+1))
			r := 1.1 * float64(ring+1)
			renderBall(pix, depth, size, r*math.Cos(a), 0.75-0.2*float64(ring), r*math.Sin(a), [...][3]float64{
				{0.9, 0.35, 0.25}, {0.3, 0.65, 0.9}, {0.55, 0.8, 0.35}, {0.95, 0.8, 0.3},
			}[(ring+k)%2+ring%2*2])
		}
	}
}

// The camera stands sceneEye.y above the floor's centre, sceneEye.z away from it, and looks down at it.
const (
	sceneEyeY, sceneEyeZ = 3.2, 6.5
	sceneTilt            = 0.46 // radians down from the horizontal
)

// renderFloor casts a ray for each pixel onto a chequered, softly lit floor
// that turns with the scene; above the horizon there is a sky of its colours.
func renderFloor(pix []byte, depth []float64, size image.Point, angle float64) {
	sin, cos := math.Sincos(sceneTilt)
	turnSin, turnCos := math.Sincos(angle)
	for y := range size.Y {
		v := (float64(size.Y)/2 - float64(y)) / float64(size.Y) * 1.1
		dy, dz := v*cos-sin, -v*sin-cos
		for x := range size.X {
			i := y*size.X + x
			if dy > -0.02 {
				depth[i] = math.Inf(1)
				put(pix, i, 0.35+v/2, 0.45+v/2, 0.62+v/3)
				continue
			}
			dx := (float64(x) - float64(size.X)/2) / float64(size.Y) * 1.1
			t := sceneEyeY / -dy
			depth[i] = t
			fx, fz := dx*t, sceneEyeZ+dz*t
			u, w := fx*turnCos+fz*turnSin, fz*turnCos-fx*turnSin
			// A pattern with the scene's symmetry: rings and spokes.
			rings := 0.5 + 0.5*math.Sin(4*math.Hypot(u, w))
			spokes := 0.5 + 0.5*math.Sin(sceneSymmetry*2*math.Atan2(w, u))
			light := 1 / (1 + 0.02*(fx*fx+fz*fz))
			put(pix, i, light*(0.25+0.4*rings), light*(0.3+0.3*spokes), light*(0.35+0.25*rings*spokes))
		}
	}
}

// renderBall paints a lit ball with its centre at x, y, z.
func renderBall(pix []byte, depth []float64, size image.Point, x, y, z float64, colour [3]float64) {
	sin, cos := math.Sincos(sceneTilt)
	ey, ez := y-sceneEyeY, z-sceneEyeZ
	distance := -ez*cos - ey*sin // along the camera's axis
	up := ey*cos - ez*sin
	scale := float64(size.Y) / 1.1 / distance
	radius := 0.34 * scale
	cx, cy := float64(size.X)/2+x*scale, float64(size.Y)/2-up*scale
	for py := max(0, int(cy-radius)); py < min(size.Y, int(cy+radius)+1); py++ {
		for px := max(0, int(cx-radius)); px < min(size.X, int(cx+radius)+1); px++ {
			nx, ny := (float64(px)-cx)/radius, (cy-float64(py))/radius
			rest := 1 - nx*nx - ny*ny
			i := py*size.X + px
			if rest <= 0 || depth[i] < distance {
				continue
			}
			nz := math.Sqrt(rest)
			depth[i] = distance
			diffuse := math.Max(0, 0.5*nx+0.6*ny+0.62*nz)
			shine := math.Pow(math.Max(0, 0.26*nx+0.32*ny+0.91*nz), 40)
			put(pix, i, colour[0]*(0.2+0.8*diffuse)+shine/2, colour[1]*(0.2+0.8*diffuse)+shine/2, colour[2]*(0.2+0.8*diffuse)+shine/2)
		}
	}
}

func put(pix []byte, i int, r, g, b float64) {
	p := pix[i*4:][:4]
	p[0], p[1], p[2] = level(b), level(g), level(r)
}

func level(v float64) byte { return byte(255 * math.Min(1, math.Max(0, v))) }
