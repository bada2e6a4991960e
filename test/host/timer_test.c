// Time limits: the wheel against a list of what is left of each.
//
// The wheel stands here a second time, under other names, because its clock must be set close to
// where it wraps, and nothing else may know of that clock.

#define timer_init wheel_init
#define timer_set wheel_set
#define timer_cancel wheel_cancel
#define timer_any wheel_any
#define timer_tick wheel_tick
#define timer_over wheel_over
#define timer_ms wheel_ms
#include "kern/timer.c"

#include "test/host/test.h"

#define NTIMERS 40
#define LONGEST 65535 // milliseconds, of IPC_TIMEOUT

static struct Timer timers[NTIMERS];
static struct {
	bool set;
	uint32_t left;   // ticks until it is over; 0: it is
	unsigned number; // they were set in this order
} model[NTIMERS];
static unsigned nsets;

static void
start_at(uint32_t tick)
{
	wheel_init();
	now = tick;
	nsets = 0;
	for (int i = 0; i < NTIMERS; i++) {
		timers[i].link.next = NULL;
		model[i].set = false;
	}
}

static void
set(int i, uint32_t ms)
{
	wheel_set(&timers[i], ms);
	model[i].set = true;
	model[i].left = ms / TICK_MS + (ms % TICK_MS != 0) + 1;
	model[i].number = nsets++;
}

static void
cancel(int i)
{
	wheel_cancel(&timers[i]);
	model[i].set = false;
}

static void
tick(void)
{
	wheel_tick();
	for (int i = 0; i < NTIMERS; i++)
		if (model[i].set && model[i].left > 0)
			model[i].left--;
}

// Of those that are over since the last tick, the one that was set first; or -1.
static int
first_over(void)
{
	int first = -1;

	for (int i = 0; i < NTIMERS; i++)
		if (model[i].set && model[i].left == 0 &&
		    (first < 0 || model[i].number < model[first].number))
			first = i;
	return first;
}

static bool
model_any(void)
{
	for (int i = 0; i < NTIMERS; i++)
		if (model[i].set)
			return true;
	return false;
}

// Everything that is over comes out, in order, and nothing else.
static void
take_all(void)
{
	for (int want; (want = first_over()) >= 0;) {
		CHECK(wheel_over() == &timers[want]);
		CHECK(!timers[want].link.next);
		model[want].set = false;
	}
	CHECK(!wheel_over());
}

static void
walk(uint32_t from, uint32_t longest, unsigned steps)
{
	start_at(from);
	for (unsigned n = 0; n < steps; n++) {
		int i = random_below(NTIMERS);

		switch (random_below(8)) {
		case 0 ... 1:
			if (!model[i].set)
				set(i, 1 + random_below(longest));
			break;
		case 2:
			cancel(i); // set, over, or neither
			break;
		default:
			tick();
			if (random_below(4) == 0 && first_over() >= 0)
				cancel(first_over());
			take_all();
			break;
		}
		CHECK_EQ(wheel_any(), model_any());
	}
	for (unsigned n = 0; n < LONGEST / TICK_MS + 2; n++) {
		tick();
		take_all();
	}
	CHECK(!wheel_any());
}

TEST(every_timer_is_over_at_its_tick_and_not_before)
{
	random_seed(11);
	walk(0, 300, 20000);
	walk(0, LONGEST, 20000);
}

TEST(timers_do_not_mind_that_the_count_of_ticks_wraps)
{
	random_seed(12);
	for (int i = 0; i < 20; i++)
		walk(UINT32_MAX - random_below(2000), i % 2 ? 3000 : LONGEST, 3000);
	walk(INT32_MAX - 300, LONGEST, 10000);
}

TEST(a_timer_is_never_early_and_at_most_a_tick_late)
{
	for (uint32_t ms = 1; ms <= 3 * NBUCKETS * TICK_MS; ms++) {
		start_at(ms);
		set(0, ms);
		uint32_t n = 0;
		do {
			CHECK(!wheel_over());
			wheel_tick();
			n++;
		} while (!over.first);
		// The first tick may come at once: it stands for no time at all.
		CHECK((n - 1) * TICK_MS >= ms);
		CHECK((n - 1) * TICK_MS < ms + TICK_MS);
		CHECK(wheel_over() == &timers[0]);
		if (ms > 200)
			ms += 37;
	}
}

TEST(the_clock_shows_milliseconds_and_never_a_negative_number)
{
	start_at(0);
	CHECK_EQ(wheel_ms(), 0);
	wheel_tick();
	CHECK_EQ(wheel_ms(), TICK_MS);
	start_at(INT32_MAX / TICK_MS);
	int32_t last = wheel_ms();
	CHECK(INT32_MAX - last < TICK_MS);
	wheel_tick();
	CHECK_EQ(wheel_ms(), (last + (int64_t) TICK_MS) % (1ll << 31));
	start_at(UINT32_MAX);
	CHECK(wheel_ms() >= 0);
}

TEST(a_timer_of_whole_turns_of_the_wheel_waits_for_all_of_them)
{
	for (uint32_t turns = 1; turns <= 4; turns++) {
		start_at(77);
		set(0, (turns * NBUCKETS - 1) * TICK_MS);
		for (uint32_t n = 0; n < turns * NBUCKETS; n++) {
			CHECK(!wheel_over());
			tick();
		}
		CHECK(wheel_over() == &timers[0]);
		CHECK(!wheel_any());
	}
}

TEST(a_timer_that_is_over_and_not_yet_taken_can_be_cancelled)
{
	start_at(0);
	set(0, 5);
	set(1, 5);
	set(2, 5 + NBUCKETS * TICK_MS); // the same bucket
	tick();
	tick();
	cancel(0);
	CHECK(wheel_any());
	CHECK(wheel_over() == &timers[1]);
	CHECK(!wheel_over());
	cancel(1); // not set any more
	CHECK(wheel_any());
	cancel(2);
	CHECK(!wheel_any());
}
