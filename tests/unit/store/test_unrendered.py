"""What waits to be rendered: in order, a bulk as one run, the oldest forgotten first."""

from mailsuite.store.unrendered import Unrendered


class Folder:
    pass


A, B = Folder(), Folder()


def test_what_came_first_is_taken_first_in_portions() -> None:
    waiting: Unrendered[Folder] = Unrendered()
    waiting.add(A, range(1, 5))
    waiting.add(B, [7])
    waiting.add(A, [5, 9])
    assert waiting.take(3) == {A: [1, 2, 3]}
    assert waiting.take(3) == {A: [4, 5], B: [7]}
    assert waiting.take(3) == {A: [9]}
    assert waiting.take(3) == {}


def test_a_bulk_of_any_size_is_one_run() -> None:
    waiting: Unrendered[Folder] = Unrendered(most=2)
    for start in range(1, 100_001, 50):
        waiting.add(A, range(start, start + 50))
    waiting.add(B, [1])
    assert sum(len(waiting.take(50)[A]) for _ in range(2000)) == 100_000
    assert waiting.take(50) == {B: [1]}


def test_the_oldest_are_forgotten_first() -> None:
    waiting: Unrendered[Folder] = Unrendered(most=2)
    for uid in (1, 3, 5):
        waiting.add(A, [uid])
    assert waiting.take(10) == {A: [3, 5]}
    waiting.add(A, [1, 2, 3, 4])
    waiting.take(1)
    waiting.clear()
    assert waiting.take(10) == {}
