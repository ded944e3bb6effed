"""The window: shows frames, and listens to keyboard and mouse. Needs pygame-ce (``pip install "vpt-gym[play]"``)."""

from __future__ import annotations

import os

import pygame

from vpt_gym.frames import Frame
from vpt_gym.play.controls import BUTTON_OF_KEY, BUTTON_OF_MOUSE, COMMAND_OF_KEY, Command, InputCollector
from vpt_gym.play.hud import BACKGROUND, PANEL_HEIGHT, PANEL_WIDTH, Line, Panel, draw_overlay, overlay
from vpt_gym.play.session import Session

_BUTTON_OF_SCANCODE = {getattr(pygame, f"KSCAN_{name}"): button for name, button in BUTTON_OF_KEY.items()}
_COMMAND_OF_SCANCODE = {getattr(pygame, f"KSCAN_{name}"): command for name, command in COMMAND_OF_KEY.items()}
_COMMAND_OF_SCANCODE[pygame.KSCAN_KP_ENTER] = Command.CONTINUE
_INPUT = (
    pygame.KEYDOWN,
    pygame.KEYUP,
    pygame.MOUSEMOTION,
    pygame.MOUSEBUTTONDOWN,
    pygame.MOUSEBUTTONUP,
    pygame.MOUSEWHEEL,
)
_NO_DISPLAY = ("offscreen", "dummy", "evdev")
"""Drivers that SDL falls back to where there is no screen."""
_SCREEN_FRACTION = 0.95, 0.85
"""Share of the screen's width and height that the window takes at first, at most."""


class Window:
    """A window with the picture on the left, scaled by a whole factor, and the panel on the right.

    Args:
        title: What stands in its title bar.
        frame_size: (height, width) of the frames, pixels.
        scale: Factor of the picture at first; 0: the largest that fits the screen. It follows the window's size.

    Attributes:
        panel: The panel, which takes messages.

    Raises:
        RuntimeError: There is no screen.
        ValueError: ``scale`` is negative.
    """

    def __init__(self, title: str, frame_size: tuple[int, int], scale: int = 0) -> None:
        if scale < 0:
            raise ValueError(f"scale is {scale}; it is a whole factor, or 0 for the largest that fits")
        height, width = frame_size
        # the click that brings the window to the front goes on, too
        os.environ.setdefault("SDL_MOUSE_FOCUS_CLICKTHROUGH", "1")
        try:
            pygame.display.init()
            if pygame.display.get_driver() in _NO_DISPLAY and "SDL_VIDEODRIVER" not in os.environ:
                raise pygame.error("SDL finds no screen")
            pygame.font.init()
            screen_width, screen_height = pygame.display.get_desktop_sizes()[0]
            fitting = min(
                (_SCREEN_FRACTION[0] * screen_width - PANEL_WIDTH) // width,
                _SCREEN_FRACTION[1] * screen_height // height,
            )
            factor = scale or max(1, int(fitting))
            size = factor * width + PANEL_WIDTH, max(factor * height, PANEL_HEIGHT)
            self._surface = pygame.display.set_mode(size, pygame.RESIZABLE)
            pygame.display.set_caption(title)
        except pygame.error as error:
            pygame.quit()
            raise RuntimeError(
                f"no window can be opened ({error}): play on a machine with a screen, or on a virtual one, such as "
                "`xvfb-run -a vpt-gym play`"
            ) from error
        self.panel = Panel()
        self._captured = False
        self._picture = pygame.Rect(0, 0, width, height)

    def capture_mouse(self, captured: bool) -> None:
        """Takes the mouse, whose counts then reach ``poll`` wherever the pointer would be; or sets it free."""
        if captured == self._captured:
            return
        self._captured = captured
        pygame.mouse.set_relative_mode(captured)
        self.discard_input()

    def discard_input(self) -> None:
        """Throws away what keys and mouse have done up to now and ``poll`` has not seen, but for commands."""
        for event in pygame.event.get(_INPUT):
            if event.type == pygame.KEYDOWN and event.scancode in _COMMAND_OF_SCANCODE:
                pygame.event.post(event)

    def poll(self, controls: InputCollector) -> list[Command]:
        """Gives ``controls`` what keys and mouse have done since the last call, while the mouse is captured.

        Returns:
            The commands among it, in order.
        """
        commands = []
        for event in pygame.event.get():
            if event.type == pygame.KEYDOWN and event.scancode in _COMMAND_OF_SCANCODE:
                commands.append(_COMMAND_OF_SCANCODE[event.scancode])
            elif event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
                commands.append(Command.QUIT)
            elif event.type == pygame.WINDOWFOCUSLOST:
                commands.append(Command.FOCUS_LOST)
            elif self._captured:
                _apply_event(controls, event)
            elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1 and self._picture.collidepoint(event.pos):
                commands.append(Command.CONTINUE)
        return commands

    def draw(self, frame: Frame, session: Session, rate: float | None) -> None:
        """Shows a frame, uint8 (H, W, 3) contiguous, and what the session has to say."""
        surface = self._surface
        area = self._picture_area(surface)
        height, width = frame.shape[:2]
        factor = max(1, min(area.width // width, area.height // height))
        self._picture = pygame.Rect(0, 0, factor * width, factor * height)
        self._picture.center = area.center
        image = pygame.image.frombuffer(frame.data, (width, height), "RGB")
        surface.fill(BACKGROUND, area)
        surface.blit(pygame.transform.scale_by(image, factor), self._picture)
        lines = overlay(session)
        if lines:
            draw_overlay(surface, area, lines)
        self.panel.draw(surface, pygame.Rect(area.right, 0, PANEL_WIDTH, area.height), session, rate)
        pygame.display.flip()

    def draw_loading(self) -> None:
        """Shows that an episode is being started."""
        surface = self._surface
        area = self._picture_area(surface)
        surface.fill(BACKGROUND, area)
        draw_overlay(surface, area, [Line("Starting an episode ...", 24)])
        pygame.display.flip()
        pygame.event.pump()

    def close(self) -> None:
        """Closes the window."""
        self.capture_mouse(False)
        pygame.quit()

    def _picture_area(self, surface: pygame.Surface) -> pygame.Rect:
        return pygame.Rect(0, 0, max(1, surface.get_width() - PANEL_WIDTH), surface.get_height())


def _apply_event(controls: InputCollector, event: pygame.event.Event) -> None:
    """Gives one event of keys or mouse to the controls."""
    if event.type == pygame.KEYDOWN and event.scancode in _BUTTON_OF_SCANCODE:
        controls.press(_BUTTON_OF_SCANCODE[event.scancode])
    elif event.type == pygame.KEYUP and event.scancode in _BUTTON_OF_SCANCODE:
        controls.release(_BUTTON_OF_SCANCODE[event.scancode])
    elif event.type == pygame.MOUSEMOTION:
        controls.move(*event.rel)
    elif event.type == pygame.MOUSEBUTTONDOWN and event.button in BUTTON_OF_MOUSE:
        controls.press(BUTTON_OF_MOUSE[event.button])
    elif event.type == pygame.MOUSEBUTTONUP and event.button in BUTTON_OF_MOUSE:
        controls.release(BUTTON_OF_MOUSE[event.button])
    elif event.type == pygame.MOUSEWHEEL:
        controls.scroll(event.y)
