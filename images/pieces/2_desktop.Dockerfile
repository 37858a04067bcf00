# XFCE, its X server, sound and fonts. No compositor, no screen saver, no locker:
# each costs frames, or shuts out who has no password.
COPY images/rootfs/desktop/ /

RUN apt-install \
        tigervnc-standalone-server xauth xkb-data x11-xkb-utils x11-xserver-utils x11-utils xfonts-base \
        dbus libnss-wrapper pulseaudio pulseaudio-utils \
        xfce4-session xfce4-settings xfce4-panel xfce4-terminal xfdesktop4 xfwm4 thunar mousepad \
        gtk2-engines-pixbuf adwaita-icon-theme-full hicolor-icon-theme shared-mime-info xdg-user-dirs xdg-utils \
        fonts-dejavu-core fonts-liberation2 fonts-noto-color-emoji \
        libgl1-mesa-dri libglx-mesa0 libegl1 libegl-mesa0 mesa-utils mesa-utils-extra && \
    apt-remove light-locker xfce4-screensaver xscreensaver xfce4-power-manager && \
    image-setup desktop && \
    clean-layer
