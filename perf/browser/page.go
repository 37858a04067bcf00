package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrNavigated is returned by Eval when the page has gone to another document
// before the expression had its value: what it did may be lost.
var ErrNavigated = errors.New("browser: the page has navigated")

// Page is one tab. It may be used by several goroutines.
type Page struct {
	browser *Browser
	target  string
	session string
	context string // of the browser, which ends with the page; "": the common one
}

// Open opens a page in a window of its own, so that it is visible whatever
// other pages there are, and waits until it has loaded.
func (b *Browser) Open(ctx context.Context, url string) (*Page, error) {
	p, err := b.NewPage(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.Navigate(ctx, url); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// NewPage opens an empty page in a window of its own.
func (b *Browser) NewPage(ctx context.Context) (*Page, error) { return b.newPage(ctx, "") }

// NewPrivatePage opens an empty page that shares no cache, cookies and
// permissions with any other.
func (b *Browser) NewPrivatePage(ctx context.Context) (*Page, error) {
	var created struct{ BrowserContextID string }
	if err := b.conn.call(ctx, "", "Target.createBrowserContext", nil, &created); err != nil {
		return nil, err
	}
	return b.newPage(ctx, created.BrowserContextID)
}

func (b *Browser) newPage(ctx context.Context, browserContext string) (*Page, error) {
	p := &Page{browser: b, context: browserContext}
	if err := p.open(ctx); err != nil {
		p.Close() // as far as there is something: it would go on beside what is measured next
		return nil, err
	}
	return p, nil
}

func (p *Page) open(ctx context.Context) error {
	var target struct{ TargetID string }
	params := map[string]any{"url": "about:blank", "newWindow": true}
	if p.context != "" {
		params["browserContextId"] = p.context
	}
	if err := p.browser.conn.call(ctx, "", "Target.createTarget", params, &target); err != nil {
		return err
	}
	p.target = target.TargetID
	var attached struct{ SessionID string }
	if err := p.browser.conn.call(ctx, "", "Target.attachToTarget",
		map[string]any{"targetId": p.target, "flatten": true}, &attached); err != nil {
		return err
	}
	p.session = attached.SessionID
	if err := p.call(ctx, "Page.enable", nil, nil); err != nil { // without it Init has no effect
		return err
	}
	return p.Resize(ctx, p.browser.cfg.Size.X, p.browser.cfg.Size.Y)
}

// Hide minimizes the page's window: the page is hidden (Page Visibility), gets no
// animation frames and loses the focus.
func (p *Page) Hide(ctx context.Context) error { return p.window(ctx, "minimized") }

// Show undoes Hide.
func (p *Page) Show(ctx context.Context) error { return p.window(ctx, "normal") }

func (p *Page) window(ctx context.Context, state string) error {
	var window struct{ WindowID int }
	if err := p.browser.conn.call(ctx, "", "Browser.getWindowForTarget",
		map[string]any{"targetId": p.target}, &window); err != nil {
		return err
	}
	return p.browser.conn.call(ctx, "", "Browser.setWindowBounds",
		map[string]any{"windowId": window.WindowID, "bounds": map[string]any{"windowState": state}}, nil)
}

// Call calls any method of the protocol on the page, for what is rarely needed:
// Emulation.setEmulatedMedia, Accessibility.getFullAXTree. It decodes the answer
// into result, which may be nil.
func (p *Page) Call(ctx context.Context, method string, params, result any) error {
	if err := p.call(ctx, method, params, result); err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	return nil
}

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	return p.browser.conn.call(ctx, p.session, method, params, result)
}

// Resize gives the viewport another size in CSS pixels.
func (p *Page) Resize(ctx context.Context, width, height int) error {
	return p.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": p.browser.cfg.Scale, "mobile": false,
	}, nil)
}

// Init has a script run in every document that the page loads from now on,
// before any script of the document.
func (p *Page) Init(ctx context.Context, script string) error {
	return p.call(ctx, "Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": script}, nil)
}

// Navigate loads a URL and waits until the document and what it refers to are there.
func (p *Page) Navigate(ctx context.Context, url string) error {
	var nav struct{ ErrorText string }
	if err := p.call(ctx, "Page.navigate", map[string]any{"url": url}, &nav); err != nil {
		return err
	}
	if nav.ErrorText != "" {
		return fmt.Errorf("browser: navigate to %s: %s", url, nav.ErrorText)
	}
	return p.Wait(ctx, `document.readyState === "complete"`)
}

// Eval evaluates a JavaScript expression, awaits it if it is a promise, and
// decodes its value as JSON into result, which may be nil. It returns
// ErrNavigated when the document has gone meanwhile.
func (p *Page) Eval(ctx context.Context, expression string, result any) error {
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.call(ctx, "Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	}, &out)
	if err != nil {
		return err
	}
	if e := out.ExceptionDetails; e != nil {
		return fmt.Errorf("browser: evaluate: %s %s", e.Text, e.Exception.Description)
	}
	if result == nil {
		return nil
	}
	if len(out.Result.Value) == 0 {
		return errors.New("browser: evaluate: no value")
	}
	if err := json.Unmarshal(out.Result.Value, result); err != nil {
		return fmt.Errorf("browser: evaluate: %w", err)
	}
	return nil
}

// Wait polls until the expression is true. An expression that throws, or whose
// document goes away, is not yet true; the last error is told when ctx ends first.
func (p *Page) Wait(ctx context.Context, expression string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		var ok bool
		err := p.Eval(ctx, "!!("+expression+")", &ok)
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-p.browser.conn.done:
			return fmt.Errorf("browser: wait for %s: %w", expression, p.browser.conn.err)
		case <-ctx.Done():
			return fmt.Errorf("browser: wait for %s: %w", expression, errors.Join(ctx.Err(), last))
		}
	}
}

// Screenshot returns the viewport as PNG, in device pixels.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	var shot struct{ Data []byte }
	err := p.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	return shot.Data, err
}

// Close closes the tab.
func (p *Page) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if p.context != "" {
		return p.browser.conn.call(ctx, "", "Target.disposeBrowserContext", map[string]any{"browserContextId": p.context}, nil)
	}
	return p.browser.conn.call(ctx, "", "Target.closeTarget", map[string]any{"targetId": p.target}, nil)
}
