"""Names in a plot stand beside their points, and over nothing."""

from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.report.labels import Box, labels_of, needs_line

BOUNDS = Box(46, 0, 480, 274)
POINT = st.tuples(st.floats(46, 376), st.floats(12, 274))
NAMES = ("most-frequent-tag", "hmm", "feature-crf", "rnn", "lstm-characters", "gru", "minilm")


def around(point):
    return Box(point[0] - 6, point[1] - 6, point[0] + 6, point[1] + 6)


@given(st.lists(POINT, max_size=7))
@example([(200.0, 100.0)] * 7)
@example([(375.0, 12.0 + 3 * n) for n in range(7)])
def test_no_name_covers_a_point_or_another_name_or_leaves_the_plot(points):
    taken = [around(point) for point in points]
    labels = labels_of(points, NAMES[: len(points)], taken, BOUNDS)
    for number, label in enumerate(labels):
        assert label.box.outside(BOUNDS) < 0.01
        assert not any(label.box.shared(box) for box in taken)
        assert not any(label.box.shared(other.box) for other in labels[number + 1 :])


def test_a_name_that_has_room_stands_right_of_its_point_without_a_line():
    [label] = labels_of([(100.0, 50.0)], ["rnn"], [around((100.0, 50.0))], BOUNDS)
    assert (label.x, label.y, label.is_left) == (111.0, 50.0, False)
    assert not needs_line((100.0, 50.0), label)


def test_a_name_goes_to_the_left_where_the_right_is_taken():
    wall = Box(105, 0, 300, 274)
    [label] = labels_of([(100.0, 50.0)], ["rnn"], [wall], BOUNDS)
    assert (label.x, label.y, label.is_left) == (89.0, 50.0, True)
    assert label.box.right == 89.0


def test_a_name_that_stands_apart_has_a_line():
    point = (200.0, 100.0)
    first, second = labels_of([point] * 2, ["one-of-them", "another-one"], [around(point)], BOUNDS)
    assert not needs_line(point, first)
    labels = labels_of([point] * 4, ["one-of-them"] * 4, [around(point)], BOUNDS)
    assert second.is_left
    assert needs_line(point, labels[2])
