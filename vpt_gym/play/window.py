"""The window, which shows frames and reads keyboard and mouse. It needs pygame-ce (see ``pygame_ce``)."""

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
"""Drivers that SDL falls back to without a screen."""
_SCREEN_FRACTION = 0.95, 0.85
"""Maximum share of the screen's width and height for the initial window."""


class Window:
    """A window with the frame on the left, enlarged by an integer factor, and the panel on the right.

    Args:
        title: Text of the title bar.
        frame_size: (height, width) of the frames, pixels.
        scale: Initial factor of the frame; 0 for the largest that fits the screen. It follows the window's size.

    Attributes:
        panel: The panel, which shows messages.

    Raises:
        RuntimeError: There is no screen.
        ValueError: ``scale`` is negative.
    """

    def __init__(self, title: str, frame_size: tuple[int, int], scale: int = 0) -> None:
        if scale < 0:
            raise ValueError(f"scale is {scale}; it must be a positive integer, or 0 for the largest factor that fits")
        height, width = frame_size
        # a click that brings the window to the front also continues the game
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
        self._frame_rect = pygame.Rect(0, 0, width, height)

    def capture_mouse(self, captured: bool) -> None:
        """Captures the mouse, so that ``poll`` gets all its movements and the pointer is hidden; or releases it."""
        if captured == self._captured:
            return
        self._captured = captured
        pygame.mouse.set_relative_mode(captured)
        self.discard_input()

    def discard_input(self) -> None:
        """Discards input that ``poll`` has not read yet, except commands."""
        for event in pygame.event.get(_INPUT):
            if event.type == pygame.KEYDOWN and event.scancode in _COMMAND_OF_SCANCODE:
                pygame.event.post(event)

    def poll(self, controls: InputCollector) -> list[Command]:
        """Passes the input since the last call to ``controls``, if the mouse is captured.

        Returns:
            The commands in the input, in order.
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
            elif (
                event.type == pygame.MOUSEBUTTONDOWN and event.button == 1 and self._frame_rect.collidepoint(event.pos)
            ):
                commands.append(Command.CONTINUE)
        return commands

    def draw(self, frame: Frame, session: Session, rate: float | None) -> None:
        """Shows a frame, contiguous uint8 (H, W, 3), and the state of the session."""
        surface = self._surface
        area = self._frame_area(surface)
        height, width = frame.shape[:2]
        factor = max(1, min(area.width // width, area.height // height))
        self._frame_rect = pygame.Rect(0, 0, factor * width, factor * height)
        self._frame_rect.center = area.center
        image = pygame.image.frombuffer(frame.data, (width, height), "RGB")
        surface.fill(BACKGROUND, area)
        surface.blit(pygame.transform.scale_by(image, factor), self._frame_rect)
        lines = overlay(session)
        if lines:
            draw_overlay(surface, area, lines)
        self.panel.draw(surface, pygame.Rect(area.right, 0, PANEL_WIDTH, area.height), session, rate)
        pygame.display.flip()

    def draw_loading(self) -> None:
        """Shows that an episode is starting."""
        surface = self._surface
        area = self._frame_area(surface)
        surface.fill(BACKGROUND, area)
        draw_overlay(surface, area, [Line("Starting an episode ...", 24)])
        pygame.display.flip()
        pygame.event.pump()

    def close(self) -> None:
        """Closes the window."""
        self.capture_mouse(False)
        pygame.quit()

    def _frame_area(self, surface: pygame.Surface) -> pygame.Rect:
        return pygame.Rect(0, 0, max(1, surface.get_width() - PANEL_WIDTH), surface.get_height())


def _apply_event(controls: InputCollector, event: pygame.event.Event) -> None:
    """Passes one event of keys or mouse to the controls."""
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
