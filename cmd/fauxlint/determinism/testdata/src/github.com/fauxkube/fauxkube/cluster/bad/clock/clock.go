package clock

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func read() (time.Time, metav1.Time) {
	time.Sleep(1)     // want `clock: time.Sleep`
	later := time.Now // want `clock: time.Now`
	_ = later
	<-time.After(time.Second)                                   // want `clock: time.After` `channel: channel receive`
	ctx, cancel := context.WithTimeout(context.Background(), 1) // want `clock: context.WithTimeout`
	_, _ = ctx, cancel
	//sim:allow clock the fixture shows an exception
	now := time.Now()
	return now, metav1.Now() // want `clock: k8s.io/apimachinery/pkg/apis/meta/v1.Now`
}

func fine(t time.Time) time.Time { return t.Add(time.Second).UTC() }
