package main

import (
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progressBar shows how many of several runs are done, and when all will be. Where there is no terminal it is nil, on
// which every method does nothing.
type progressBar struct {
	container *mpb.Progress
	bar       *mpb.Bar
}

// newProgressBar is for all runs, of which some are left.
func (a *app) newProgressBar(all, left int, quiet bool) *progressBar {
	if quiet || !isTerminal(a.err) || left == 0 {
		return nil
	}
	container := mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(40), mpb.WithRefreshRate(redrawEvery))
	bar := container.AddBar(int64(all),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d runs ")),
		mpb.AppendDecorators(decor.NewAverageETA(decor.ET_STYLE_GO, time.Now(), nil, remaining(all-left)), decor.Name(" left")))
	bar.SetCurrent(int64(all - left))
	return &progressBar{container, bar}
}

// done counts one run.
func (p *progressBar) done(time.Duration) {
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
