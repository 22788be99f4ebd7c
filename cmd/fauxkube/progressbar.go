package main

import (
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progressBar shows how many of several runs are done, and how long the others will take. Where there is no terminal it
// is nil, on which every method does nothing.
type progressBar struct {
	container *mpb.Progress
	bar       *mpb.Bar
}

// newProgressBar is for all runs, of which some are left.
func (a *app) newProgressBar(all, left int, quiet bool) *progressBar {
	if quiet || !isTerminal(a.err) || left == 0 {
		return nil
	}
	began, before := time.Now(), int64(all-left)
	timeLeft := func(s decor.Statistics) string {
		return remaining(time.Since(began), s.Current-before, s.Total-s.Current)
	}
	options := []mpb.ContainerOption{mpb.WithOutput(a.err), mpb.WithWidth(60), mpb.WithRefreshRate(redrawEvery)}
	if width, _, err := term.GetSize(int(a.err.Fd())); err != nil || width == 0 {
		// A terminal that does not know how wide it is, as recorders have them: mpb would draw nothing.
		options = append(options, mpb.WithOutput(struct{ io.Writer }{a.err}), mpb.WithAutoRefresh())
	}
	container := mpb.New(options...)
	bar := container.AddBar(int64(all), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d runs ")), mpb.AppendDecorators(decor.Any(timeLeft)))
	bar.SetCurrent(before)
	return &progressBar{container, bar}
}

// remaining tells how long runs will take, from those that are done.
func remaining(took time.Duration, done, left int64) string {
	if done <= 0 {
		return ""
	}
	return (time.Duration(int64(took) / done * left)).Round(time.Second).String() + " left"
}

// step counts one run.
func (p *progressBar) step() {
	if p != nil {
		p.bar.Increment()
	}
}

// stop takes the bar away.
func (p *progressBar) stop() {
	if p == nil {
		return
	}
	p.bar.Abort(true)
	p.container.Wait()
}
