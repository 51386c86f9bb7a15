"""Coarse groups of ImageNet's 1000 classes. Summing their probabilities turns three hesitant kinds of cat into
one sure cat."""

_RANGES: dict[str, str] = {
    "fish": "0-6 389-397",
    "bird": "7-24 80-100 127-146",
    "salamander": "25-29",
    "frog": "30-32",
    "turtle": "33-37",
    "lizard": "38-48",
    "crocodile": "49-50",
    "snake": "52-68",
    "spider": "72-77",
    "insect": "300-326",
    "crab or lobster": "118-125",
    "dog": "151-268",
    "wild dog or fox": "269-275 277-280",
    "cat": "281-285",
    "big cat": "286-293",
    "bear": "294-297",
    "rabbit": "330-332",
    "rodent": "333-338",
    "pig": "341-343",
    "hoofed animal": "345-355",
    "weasel or the like": "356-362",
    "monkey or ape": "365-382",
    "elephant": "101 385-386",
    "whale": "147-148",
    "car": "436 468 511 581 609 627 656 661 751 817",
    "lorry or van": "407 555 569 675 717 734 757 864 867",
    "bus": "654 779 874",
    "train or tram": "466 547 565 705 820 829",
    "aeroplane": "404 895 908",
    "boat": "403 472 484 510 554 576 625 628 724 780 814 871 914",
    "bicycle": "444 671",
    "motorbike": "665 670",
    "tractor or harvester": "595 856 866",
    "rocket": "657 744 812",
    "musical instrument": "401-402 420 432 486 513 541 546 558 566 577 579 593-594 641-642 683-684 687 699 "
    "776 822 875 881 889",
    "furniture": "423 431 453 493 495 516 520 526 532 548 553 559 564 703 765 831 857 894",
    "building": "425 437 442 449 483 497 500 538 580 663 668 698 727 743 832 853 858 915",
    "shop": "415 424 454 467 509 582 788 860 865",
    "bridge": "821 839 888",
    "clock": "409 530 892",
    "computer": "508 527 620 664 673 681",
    "telephone": "487 528 707",
    "ball": "429-430 522 574 722 768 805 852 890",
    "gun": "413 763-764",
    "shoe": "502 514 630 770 774",
    "hat": "433 439 452 515 808",
    "sunglasses": "836-837",
    "bathtub": "435 876",
    "food": "924-935 959-965",
    "hot drink": "504 967-969",
    "citrus fruit": "950-951",
    "fruit": "948-949 952-957",
    "vegetable": "936-946",
    "mushroom": "947 991-997",
    "flower": "985-986",
    "mountain": "970 972 979-980",
    "shore": "460 975-978",
}
# Groups worth naming beside a kind that few people know: "brambling, a kind of bird".
TOLD = frozenset(
    {"fish", "bird", "salamander", "frog", "turtle", "lizard", "snake", "spider", "insect", "dog", "cat"}
    | {"big cat", "monkey or ape", "hoofed animal", "musical instrument", "mushroom", "flower", "boat"}
)
# Never said, whatever their probability: people (ball player, groom, scuba diver), and the nematode, which
# the network sees in any pale disc or thread.
UNSAID = frozenset({981, 982, 983, 111})


def _expanded(ranges: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)


GROUPS: dict[str, tuple[int, ...]] = {name: _expanded(ranges) for name, ranges in _RANGES.items()}
