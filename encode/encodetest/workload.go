package encodetest

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// Workload is a moving picture. Step 0 paints all of it; each later step, in
// order, changes the canvas and returns what it has changed.
type Workload struct {
	Name string
	Step func(c *Canvas, n int) []image.Rectangle
}

// Workloads returns the moving pictures that encoders are measured with, made
// for a canvas of size pixels (1920×1080; smaller ones are cut).
func Workloads(size image.Point) []Workload {
	return []Workload{Dot(size), Typing(size), Flip(size), Drag(size), Scroll(size), Scene(size), Whole(size)}
}

var (
	paper = color.RGBA{R: 250, G: 250, B: 246, A: 255}
	inks  = []color.RGBA{
		{R: 20, G: 20, B: 24, A: 255}, {R: 20, G: 20, B: 24, A: 255}, {R: 20, G: 20, B: 24, A: 255},
		{R: 0, G: 60, B: 170, A: 255}, {R: 160, G: 20, B: 40, A: 255}, {R: 10, G: 110, B: 40, A: 255},
	}
)

// Page is a canvas filled with lines of text like a program's source: indented,
// of varying length, a word in six coloured.
func Page(size image.Point, seed uint64) *Canvas {
	c := NewCanvas(size)
	c.Fill(c.Bounds(), paper)
	random := rand.New(rand.NewPCG(seed, 1))
	const letters = "abcdefghijklmnopqrstuvwxyzetaoinshrdlu_(){}=.;0123456789ABCDEFG"
	for y := 14; y < size.Y; y += 15 {
		x := 8 + 28*random.IntN(4)
		for end := x + random.IntN(max(1, size.X)); x < end && x < size.X; {
			word := make([]byte, 1+random.IntN(9))
			for i := range word {
				word[i] = letters[random.IntN(len(letters))]
			}
			c.Text(x, y, string(word), inks[random.IntN(len(inks))])
			x += 7 * (len(word) + 1)
		}
	}
	return c
}

// Typing is a page of text on which one letter after another is written.
func Typing(size image.Point) Workload {
	page := Page(size, 1)
	return Workload{Name: "typing", Step: func(c *Canvas, n int) []image.Rectangle {
		if n == 0 {
			c.Copy(c.Bounds(), page, image.Point{})
			return []image.Rectangle{c.Bounds()}
		}
		columns := max(1, size.X/14)
		x, y := (n%columns)*7+size.X/8, (n/columns*15+size.Y/3)%size.Y
		r := image.Rect(x, y-13, x+7, y+2).Intersect(c.Bounds())
		c.Fill(r, paper)
		c.Text(x, y, string(rune('a'+n%26)), inks[0])
		return []image.Rectangle{r}
	}}
}

// inset is where the moving part of a workload is: 1280×800 in the middle.
func inset(size image.Point) image.Rectangle {
	part := image.Pt(1280, 800)
	at := size.Sub(part).Div(2)
	return image.Rectangle{Min: at, Max: at.Add(part)}.Intersect(image.Rectangle{Max: size})
}

// Dot is a square of 16×16 on a page of text, changing between two colours: as
// little as a screen changes. It lies across macroblocks.
func Dot(size image.Point) Workload { return square("dot", size, 16) }

// Scroll is a window of 1280×800 on a page of text, scrolling 24 pixels a frame.
func Scroll(size image.Point) Workload { return scroll("scroll", size, inset(size)) }

// Whole is a page of text that fills the picture, scrolling 24 pixels a frame.
func Whole(size image.Point) Workload {
	return scroll("whole", size, image.Rectangle{Max: size})
}

func scroll(name string, size image.Point, area image.Rectangle) Workload {
	behind := Page(size, 2)
	const period = 150
	long := Page(image.Pt(area.Dx(), area.Dy()+24*period), 3)
	return Workload{Name: name, Step: func(c *Canvas, n int) []image.Rectangle {
		changed := area
		if n == 0 {
			c.Copy(c.Bounds(), behind, image.Point{})
			changed = c.Bounds()
		}
		c.Copy(area, long, image.Pt(0, 24*(n%period)))
		return []image.Rectangle{changed}
	}}
}

// Scene is a window of 1280×800 on a page of text, in which shaded balls turn
// over a floor, as a 3D program draws them.
func Scene(size image.Point) Workload {
	behind, area := Page(size, 4), inset(size)
	return Workload{Name: "scene", Step: func(c *Canvas, n int) []image.Rectangle {
		changed := area
		if n == 0 {
			c.Copy(c.Bounds(), behind, image.Point{})
			changed = c.Bounds()
		}
		paintScene(c, area, float64(n)/60)
		return []image.Rectangle{changed}
	}}
}

func paintScene(c *Canvas, area image.Rectangle, t float64) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		depth := float64(y-area.Min.Y) / 800
		for x := area.Min.X; x < area.Max.X; x++ {
			shade := byte(40 + 90*depth)
			if depth > 0.5 {
				far := 1 / (depth - 0.48)
				u, v := (float64(x-area.Min.X)-640)/320*far+4*t, far*2+6*t
				if (int(math.Floor(u))+int(math.Floor(v)))%2 == 0 {
					shade += 60
				}
			}
			c.set(x, y, shade, shade, shade+30)
		}
	}
	for i := range 5 {
		phase := 1.3*t + float64(i)*2*math.Pi/5
		centre := image.Pt(int(640+420*math.Cos(phase)), int(400+150*math.Sin(phase))).Add(area.Min)
		paintBall(c, area, centre, 90+20*i, 3*t+float64(i))
	}
}

// paintBall paints a lit ball with stripes that turn by angle.
func paintBall(c *Canvas, area image.Rectangle, centre image.Point, radius int, angle float64) {
	box := image.Rect(-radius, -radius, radius, radius).Add(centre).Intersect(area)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			nx, ny := float64(x-centre.X)/float64(radius), float64(y-centre.Y)/float64(radius)
			rest := 1 - nx*nx - ny*ny
			if rest < 0 {
				continue
			}
			nz := math.Sqrt(rest)
			light := 0.2 + 0.8*max(0, -0.5*nx-0.6*ny+0.62*nz)
			stripe := 0.75 + 0.25*math.Sin(8*(math.Atan2(nx, nz)+angle))
			v := 255 * light * stripe
			c.set(x, y, byte(v), byte(v*0.6), byte(v*0.3))
		}
	}
}

// Drag is a window of 640×480 with text in it, dragged over a page of text.
func Drag(size image.Point) Workload {
	behind, window := Page(size, 5), Page(image.Pt(640, 480), 6)
	window.Fill(image.Rect(0, 0, 640, 24), color.RGBA{R: 60, G: 90, B: 140, A: 255})
	at := func(n int) image.Rectangle {
		x := size.X/2 - 320 + int(float64(size.X)/4*math.Sin(float64(n)/20))
		y := size.Y/2 - 240 + int(float64(size.Y)/5*math.Sin(float64(n)/13))
		return image.Rect(x, y, x+640, y+480)
	}
	return Workload{Name: "drag", Step: func(c *Canvas, n int) []image.Rectangle {
		if n == 0 {
			c.Copy(c.Bounds(), behind, image.Point{})
			c.Copy(at(0), window, image.Point{})
			return []image.Rectangle{c.Bounds()}
		}
		before, now := at(n-1), at(n)
		c.Copy(before, behind, before.Min)
		c.Copy(now, window, image.Point{})
		return []image.Rectangle{before.Intersect(c.Bounds()), now.Intersect(c.Bounds())}
	}}
}

// Flip is a square of 256×256 on a page of text, changing between two colours.
func Flip(size image.Point) Workload { return square("flip", size, 256) }

// square changes a square on a page of text between two colours.
func square(name string, size image.Point, side int) Workload {
	page := Page(size, 7)
	return Workload{Name: name, Step: func(c *Canvas, n int) []image.Rectangle {
		changed := image.Rect(0, 0, side, side).Add(image.Pt(size.X/4, size.Y/4)).Intersect(c.Bounds())
		c.Fill(changed, color.RGBA{R: byte(40 + 160*(n%2)), G: 120, B: byte(200 - 160*(n%2)), A: 255})
		if n == 0 {
			c.Copy(c.Bounds(), page, image.Point{})
			changed = c.Bounds()
		}
		return []image.Rectangle{changed}
	}}
}

// Noise is the whole picture in smooth noise that is new in every frame: the
// hardest motion that a camera could see.
func Noise(size image.Point) Workload {
	return Workload{Name: "noise", Step: func(c *Canvas, n int) []image.Rectangle {
		random := rand.New(rand.NewPCG(uint64(n), 8))
		const cell = 8
		columns := size.X/cell + 2
		above, below := make([]float64, columns), make([]float64, columns)
		refill := func(row []float64) {
			for i := range row {
				row[i] = 40 + 160*random.Float64()
			}
		}
		refill(below)
		for y := range size.Y {
			if y%cell == 0 {
				above, below = below, above
				refill(below)
			}
			fy := float64(y%cell) / cell
			for x := range size.X {
				i, fx := x/cell, float64(x%cell)/cell
				v := (above[i]*(1-fx)+above[i+1]*fx)*(1-fy) + (below[i]*(1-fx)+below[i+1]*fx)*fy
				c.set(x, y, byte(v), byte(v*0.9), byte(v*0.8))
			}
		}
		return []image.Rectangle{c.Bounds()}
	}}
}
