//go:build browser

package e2e_test

import (
	"context"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// The tests of the console drive Chromium, which is in PATH. .ci/run has installed axe-core in a copy of testdata/browser:
//
//	go test -tags browser -run TestBrowser ./cmd/clients/internal/e2e -axe=DIR
var (
	axe         = flag.String("axe", "", "folder of node_modules with axe-core")
	screenshots = flag.String("screenshots", "", "folder for screenshots of the console")
)

// tab is a page in a browser. Whatever its console and its requests complain about fails the test.
type tab struct {
	t    testing.TB
	ctx  context.Context
	host string // that it may send requests to

	close context.CancelFunc

	mu       sync.Mutex
	problems []string
}

// openTab starts a browser, and opens path at a service with the login of the client.
func (c *client) openTab(path string) *tab {
	c.t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(c.t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	c.t.Cleanup(cancel)
	return newTab(c, ctx, path, false)
}

// another opens a further tab in the same window, in front of the others.
func (p *tab) another(c *client, path string) *tab {
	p.t.Helper()
	return newTab(c, p.ctx, path, false)
}

// window opens a window beside the others, which are all shown.
func (p *tab) window(c *client, path string) *tab {
	p.t.Helper()
	return newTab(c, p.ctx, path, true)
}

func newTab(c *client, parent context.Context, path string, window bool) *tab {
	c.t.Helper()
	address, err := url.Parse(c.base)
	require.NoError(c.t, err)
	p := &tab{t: c.t, host: address.Host}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithListener(p.observe), chromedp.WithNewWindow(window))
	c.t.Cleanup(cancel)
	p.ctx, p.close = ctx, cancel
	require.NoError(c.t, chromedp.Do(ctx), "the browser, which lives as long as the context of the first action")
	call(p, network.Enable, network.EnableParams{})
	call(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"})
	if user, password, given := strings.Cut(c.login, ":"); given {
		address.User = url.UserPassword(user, password)
	}
	p.run(chromedp.Navigate(address.String() + path))
	c.t.Cleanup(func() {
		if c.t.Failed() && ctx.Err() == nil {
			c.t.Logf("%s shows\n%s\n%v", path, p.text(), p.takeProblems())
		}
	})
	return p
}

// observe collects what must not happen.
func (p *tab) observe(event any) {
	problem := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			problem = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description
	case *runtime.EventConsoleAPICalled:
		problem = "console: " + string(e.Type)
	case *network.EventRequestWillBeSent:
		if address, err := url.Parse(e.Request.URL); err != nil || address.Host != p.host {
			problem = "request: " + e.Request.URL
		}
	}
	if problem != "" {
		p.mu.Lock()
		p.problems = append(p.problems, problem)
		p.mu.Unlock()
	}
}

// takeProblems returns what was collected since the last call.
func (p *tab) takeProblems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	problems := p.problems
	p.problems = nil
	return problems
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, command, params)
	require.NoError(p.t, err)
}

// eval returns the value of an expression, or of its promise.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, "%.100s", expression)
	return value
}

// do evaluates a script.
func (p *tab) do(script string) {
	p.t.Helper()
	eval[chromedp.Void](p, script)
}

// open follows a URL of the same service.
func (p *tab) open(path string) {
	p.t.Helper()
	p.run(chromedp.Navigate("http://" + p.host + path))
}

// show brings the tab in front of the others of its browser.
func (p *tab) show() {
	p.t.Helper()
	call(p, page.BringToFront, cdp.Empty{})
}

// shows waits until the text of the page contains each of texts.
func (p *tab) shows(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		eventually(p.t, func() bool { return strings.Contains(p.text(), text) }, "%q is shown", text)
	}
}

func (p *tab) text() string {
	p.t.Helper()
	return eval[string](p, "document.body?.innerText ?? ''")
}

// press presses keys, such as "abc" or kb.Tab.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys))
}

// tabTo presses the Tab key until an element with the text, or the name of an input, has the focus.
func (p *tab) tabTo(wanted string) {
	p.t.Helper()
	for range 60 {
		p.press(kb.Tab)
		if eval[string](p, "(document.activeElement.name || document.activeElement.innerText || '').replace(/\\s+/g, ' ').trim()") == wanted {
			require.NotEqual(p.t, "none", eval[string](p, "getComputedStyle(document.activeElement).outlineStyle"), "the focus is visible at %q", wanted)
			return
		}
	}
	require.Fail(p.t, "cannot be reached with the keyboard", wanted)
}

// look emulates a color scheme and a width.
func (p *tab) look(scheme string, width int64) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	p.run(chromedp.EmulateViewport(width, 900))
}

// screenshot saves a picture of the window if the flag -screenshots is set.
func (p *tab) screenshot(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o600))
}
