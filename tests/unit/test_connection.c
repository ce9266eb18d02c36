#include "test.h"

#include "connection.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 2, CAPACITY = 4 };

static int64_t now_ms = 1000000;

/* Takes the place of the C library's: time passes when a test says so. */
int clock_gettime(clockid_t id, struct timespec *tp)
{
    (void)id;
    tp->tv_sec = (time_t)(now_ms / 1000);
    tp->tv_nsec = (long)(now_ms % 1000 * 1000000);
    return 0;
}

/* Both ends of each connection; ours is what the table sees. */
static int ours[16], theirs[16], wake;
static connection *open_ones[16];
static connections *table;

static int begin(void **state)
{
    (void)state;
    table = connections_new(LIMIT);
    wake = eventfd(0, EFD_NONBLOCK);
    return 0;
}

static bool take(int i)
{
    int ends[2];
    if (!connections_reserve(table, wake))
        return false;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ours[i] = ends[0];
    theirs[i] = ends[1];
    open_ones[i] = connection_open(table, ours[i]);
    return true;
}

static void drop(int i)
{
    connection_close(open_ones[i]);
    close(ours[i]);
    close(theirs[i]);
}

static bool was_ended(int i)
{
    char byte;
    return recv(theirs[i], &byte, 1, MSG_DONTWAIT) == 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(connections_count(table), 0);
    connections_free(table);
    close(wake);
    return 0;
}

static void only_the_limit_may_send_requests(void **state)
{
    (void)state;
    for (int i = 0; i < CAPACITY; i++)
        assert_true(take(i));
    assert_true(connection_admit(open_ones[3]));            /* whoever asks first, not who came first */
    assert_true(connection_admit(open_ones[0]));
    assert_false(connection_admit(open_ones[1]));
    assert_true(connection_admit(open_ones[0]));
    drop(3);
    assert_true(connection_admit(open_ones[1]));
    for (int i = 0; i < 3; i++)
        drop(i);
}

static void a_full_table_sends_the_oldest_silent_one_away(void **state)
{
    eventfd_t value;
    (void)state;
    for (int i = 0; i < CAPACITY; i++)
        take(i);
    connection_enter(open_ones[0], PHASE_IDLE);
    assert_false(take(4));
    assert_true(was_ended(1));
    assert_false(was_ended(0) || was_ended(2) || was_ended(3));
    assert_false(take(4));
    assert_true(was_ended(2));
    assert_int_equal(eventfd_read(wake, &value), -1);
    drop(1);
    assert_int_equal(eventfd_read(wake, &value), 0);        /* there is room again */
    assert_true(take(1));
    for (int i = 0; i < CAPACITY; i++)
        drop(i);
}

static void every_phase_has_its_end(void **state)
{
    static const struct { const char *name; phase phase; int64_t ms; } rows[] = {
        { "handshake and first header", PHASE_FRESH, 10000 }, { "a later header", PHASE_HEAD, 10000 },
        { "body", PHASE_BODY, 20000 },                        { "answer", PHASE_ANSWER, 20000 },
        { "idle, above the API server's 90 s", PHASE_IDLE, 120000 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        take(0);
        connection_enter(open_ones[0], rows[i].phase);
        now_ms += rows[i].ms - 1;
        connections_reap(table);
        check_row(rows[i].name, !was_ended(0));
        now_ms += 1;
        connections_reap(table);
        check_row(rows[i].name, was_ended(0));
        drop(0);
    }
}

static void a_line_of_the_first_header_buys_no_time(void **state)
{
    (void)state;
    take(0);
    now_ms += 9999;
    connection_begin(open_ones[0]);
    now_ms += 1;
    connections_reap(table);
    assert_true(was_ended(0));
    drop(0);
}

static void above_the_limit_the_silent_have_a_second(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        take(i);
    connection_enter(open_ones[0], PHASE_IDLE);
    now_ms += 1000;
    connections_reap(table);
    assert_false(was_ended(0) || was_ended(1) || was_ended(2) || was_ended(3));
    now_ms += 1;
    connections_reap(table);
    assert_true(was_ended(1) && was_ended(2));              /* the oldest, and no more than are too many */
    assert_false(was_ended(0) || was_ended(3));
    for (int i = 0; i < 4; i++)
        drop(i);
}

static void busy_is_what_may_still_want_an_answer(void **state)
{
    (void)state;
    assert_int_equal(connections_busy(table), 0);
    connections_reserve(table, wake);
    assert_int_equal(connections_busy(table), 1);           /* accepted, not yet seen by its server */
    connections_unreserve(table);
    take(0);
    assert_int_equal(connections_busy(table), 1);           /* brand-new: its request may be on the way */
    connection_enter(open_ones[0], PHASE_IDLE);
    assert_int_equal(connections_busy(table), 0);
    connection_begin(open_ones[0]);
    assert_int_equal(connections_busy(table), 1);
    drop(0);
}

static void a_lingering_socket_is_read_until_its_client_closes(void **state)
{
    struct pollfd set[LINGERING_MAX];
    char large[4096] = { 0 };
    (void)state;
    lingering *f = lingering_new(wake);
    connections_set_lingering(table, f);
    take(0);
    connection_linger(open_ones[0]);
    connection_close(open_ones[0]);
    close(ours[0]);
    for (int i = 0; i < 100; i++) {                         /* more than a socket buffer holds */
        assert_int_equal(send(theirs[0], large, sizeof large, MSG_NOSIGNAL | MSG_DONTWAIT), sizeof large);
        assert_int_equal(lingering_poll(f, set), 1);
        assert_int_equal(poll(set, 1, 1000), 1);
        lingering_read(f, set, 1);
    }
    assert_int_equal(lingering_count(f), 1);
    close(theirs[0]);
    assert_int_equal(lingering_poll(f, set), 1);
    assert_int_equal(poll(set, 1, 1000), 1);
    lingering_read(f, set, 1);
    assert_int_equal(lingering_count(f), 0);
    lingering_free(f);
}

static void too_many_lingering_are_short(void **state)
{
    int ends[2];
    (void)state;
    lingering *f = lingering_new(wake);
    for (int i = 0; i < LINGERING_MAX + 1; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        lingering_add(f, ends[0]);
        theirs[0] = ends[1];
        if (i < LINGERING_MAX)
            close(ends[1]);
    }
    assert_true(was_ended(0));
    close(theirs[0]);
    assert_int_equal(lingering_count(f), LINGERING_MAX);
    lingering_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_limit_may_send_requests, begin, end),
        cmocka_unit_test_setup_teardown(a_full_table_sends_the_oldest_silent_one_away, begin, end),
        cmocka_unit_test_setup_teardown(every_phase_has_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_line_of_the_first_header_buys_no_time, begin, end),
        cmocka_unit_test_setup_teardown(above_the_limit_the_silent_have_a_second, begin, end),
        cmocka_unit_test_setup_teardown(busy_is_what_may_still_want_an_answer, begin, end),
        cmocka_unit_test_setup_teardown(a_lingering_socket_is_read_until_its_client_closes, begin, end),
        cmocka_unit_test_setup_teardown(too_many_lingering_are_short, begin, end),
    };
    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
