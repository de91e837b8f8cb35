package wire_test

import (
	"testing"
	"time"

	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	evening := time.Date(2010, 9, 25, 18, 30, 0, 0, time.UTC)
	for _, text := range []string{
		"2010-09-25 18:30:00.123456789 UTC", "2010-09-25T18:30:00,5Z", "2010/09/25 18:30", "2010-09-25 18:30:00+00", "2010-09-25 18:30:00Z",
		"20100925T183000Z", "20100925T1830", "201009251830", "20100925183000", "20100925 18:30", "20100925T203000+0200",
		"2010-09-25 6:30 PM", "2010-09-25 06:30PM", "2010-09-25 6:30:00 pm", "2010-09-25 6:30 p.m.", "2010-09-25T06:30:00PM", "2010-09-25 6:30 PM UTC",
		"2010-09-25 08:30 PM +0200", "September 25, 2010 6:30 PM", "25 Sep 2010 6:30 PM",
		"Sat, 25 Sep 2010 18:30:00 GMT", "Sat, 25 Sep 2010 18:30:00 UTC", "Sat, 25 Sep 2010 20:30:00 +0200", "Sat, 25 Sep 2010 18:30:00 -0000",
		"25 Sep 2010 18:30:00 +0000", "25 Sep 2010 18:30 +0000", "25 Sep 10 18:30 UT", "Sat, 25 Sep 2010 14:30:00 EDT", "Sat, 25 Sep 2010 18:30:00 +0000 (UTC)",
		"2010-09-25 20:30:00 +0200", "Sat Sep 25 18:30:00 UTC 2010", "Sat Sep 25 20:30:00 +0200 2010", "Sat Sep 25 18:30:00 2010", // Ruby
		"Sat, 25 Sep 2010 18:30:00 UTC +00:00", "Sat, 25 Sep 2010 14:30:00 EDT -04:00", "2010-09-25T20:30:00+02:00", // Rails
		"2010-09-25 18:30:00 +0000 UTC", "2010-09-25 20:30:00 +0200 CEST", "2010-09-25 20:30:00 +0200 +0200",
		"2010-09-25 15:30:00 -0300 -03", "2010-09-25 22:30:00.5 +0400 +04 m=+0.1", "2010-09-25 22:30:00  0400  04",
		"2010-09-25 18:30:00.5 +0000 UTC m=+0.000123", "Sat Sep 25 14:30:00 EDT 2010", // Go
		"Sat Sep 25 2010 20:30:00 GMT+0200 (Central European Summer Time)", "Sat, 25 Sep 2010 18:30:00 GMT", // JavaScript
		"sat, 25 sep 2010 18:30:00 gmt", "Saturday, 25 September 2010 18:30", "Sept 25 2010 18:30",
	} {
		at, ok := wire.ParseTime(text)
		require.True(t, ok, text)
		require.Equal(t, evening, at, text)
	}
	at, ok := wire.ParseTime("2010-09-25 12:30 AM")
	require.True(t, ok)
	require.Equal(t, time.Date(2010, 9, 25, 0, 30, 0, 0, time.UTC), at)
	for _, text := range []string{
		"2010-09-25 13:30 PM", "2010-09-25 0:30 AM", "25 2010 18:30", "Sep 2010", "Sep 25", "Sat", "09/25/2010 6:30 PM", "2010-09-25 +0200", "2010-09-25T",
		"201009251", "2010092518", "1285439400000", "Sat, 31 Sep 2010", "2010-09-25 18:30 +0200 DROP TABLE", "2010-09-25 EST", "(2010) Sep 25", "2010-09-25 18:30 PM",
		"Sep Oct 25 2010", "25 Sep 2010 2011", "2010-09-25 18:30 +0200 +0300", "2010-09-25 18:30 +0230 +02",
	} {
		_, ok := wire.ParseTime(text)
		require.False(t, ok, text)
	}
}
